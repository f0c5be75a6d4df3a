//! Figures as OpenMetrics text (version 1.0, as Prometheus and its kin read it).

use std::fmt::Write as _;
use std::fs;

pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Units whose families say so; their names end in them.
const UNITS: [&str; 2] = ["bytes", "seconds"];

/// The text as it grows, family by family.
#[derive(Default)]
pub(crate) struct Exposition {
    text: String,
    /// Name of the samples of the current family.
    sample: String,
}

impl Exposition {
    /// Begins a family of `kind` (`gauge`, `counter`, `info`), named without the ending of its samples.
    pub(crate) fn family(&mut self, kind: &str, name: &str, help: &str) -> &mut Self {
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
        if let Some(unit) = UNITS.iter().find(|unit| name.ends_with(**unit)) {
            let _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(self.text, "# HELP {name} {help}");
        self.sample.clear();
        self.sample.push_str(name);
        self.sample.push_str(match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        });
        self
    }

    /// A sample of the family; `labels` as they are written, such as `pool="rooms"`, or none.
    pub(crate) fn sample(&mut self, labels: &str, value: u64) -> &mut Self {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.text, "{}{labels} {value}", self.sample);
        self
    }

    /// A family of one gauge.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family("gauge", name, help).sample("", value);
    }

    /// A family of one counter.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family("counter", name, help).sample("", value);
    }

    /// The whole text.
    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }
}

/// Figures of this process from the kernel.
pub(crate) struct Process {
    pub(crate) resident_bytes: u64,
    pub(crate) open_fds: u64,
}

impl Process {
    /// Blocks for a moment: the kernel lists every descriptor. `None` where there is none left to look with.
    pub(crate) fn look() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let kib: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?
            .split_whitespace()
            .next()?
            .parse()
            .ok()?;
        // The list holds its own descriptor.
        let open_fds = (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1);
        Some(Self { resident_bytes: kib * 1024, open_fds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_the_format_wants() {
        let mut text = Exposition::default();
        text.gauge("a_bytes", "Uno · One", 7);
        text.counter("b", "Dos · Two", 8);
        text.family("info", "c", "Tres").sample("v=\"1\",w=\"2\"", 1);
        let want = "# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# HELP a_bytes Uno · One\na_bytes 7\n\
            # TYPE b counter\n# HELP b Dos · Two\nb_total 8\n\
            # TYPE c info\n# HELP c Tres\nc_info{v=\"1\",w=\"2\"} 1\n# EOF\n";
        assert_eq!(text.finish(), want);
    }

    #[test]
    fn the_kernel_knows_this_process() {
        let process = Process::look().expect("there are descriptors left");
        assert!(process.resident_bytes > 1 << 20 && process.open_fds >= 3);
    }
}
