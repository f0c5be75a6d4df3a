//! Memory of a process, by `/proc/PID/maps` and `/proc/PID/mem` (proc_pid_mem(5)).

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;

use super::needles::{Marks, Needles, SearchExtent};

/// Pages of the kernel that programs cannot read.
const KERNEL: [&str; 4] = ["[vvar]", "[vvar_vclock]", "[vsyscall]", "[vdso]"];

/// Mapped range of addresses.
#[derive(Debug, PartialEq, Eq)]
struct Region {
    from: u64,
    to: u64,
    /// File or purpose; empty for anonymous memory.
    name: String,
}

/// Searches all memory of a process. The kernel requires the rights of ptrace(2).
pub(super) fn search(pid: u32, needles: &Needles, marks: &mut Marks) -> io::Result<SearchExtent> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut extent = SearchExtent::default();
    for Region { from, to, name } in maps.lines().filter_map(region) {
        let name: Rc<str> = if name.is_empty() { "anonymous".into() } else { name.into() };
        extent += needles.search(|buf, at| memory.read_at(buf, at), from, to, &name, marks);
    }
    if extent.bytes == 0 {
        // A process that has just ended has no regions.
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(extent)
}

/// Parses a line of `maps`; `None` for pages of the kernel and memory that nothing can read.
fn region(line: &str) -> Option<Region> {
    let mut fields = line.split_ascii_whitespace();
    let (from, to) = fields.next()?.split_once('-')?;
    let readable = fields.next()?.starts_with('r');
    let name = fields.nth(3).unwrap_or_default().to_owned();
    let [from, to] = [from, to].map(|digits| u64::from_str_radix(digits, 16).ok());
    (readable && !KERNEL.contains(&name.as_str())).then_some(Region { from: from?, to: to?, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_parsed_without_those_of_the_kernel() {
        let heap = "7f00-8000 rw-p 00000000 00:00 0                          [heap]";
        assert_eq!(region(heap), Some(Region { from: 0x7f00, to: 0x8000, name: "[heap]".into() }));
        let anonymous = "7f00-8000 rw-p 00000000 00:00 0 ";
        assert_eq!(region(anonymous).map(|region| region.name), Some(String::new()));
        for line in ["7f00-8000 r--p 00000000 00:00 0 [vvar]", "7f00-8000 ---p 00000000 00:00 0", "x"] {
            assert_eq!(region(line), None, "{line}");
        }
    }

    #[test]
    fn own_memory_is_searched() {
        let tag = "0h1j2k3m4n5p";
        let text = std::hint::black_box(format!("{tag}pl03"));
        let mut marks = Marks::new();
        let extent = search(std::process::id(), &Needles::new(tag), &mut marks).expect("own memory");
        assert!(extent.bytes > 1 << 20, "{extent:?}");
        assert!(marks.keys().any(|(id, ..)| id == b"pl03"), "{text}: {marks:?}");
    }
}
