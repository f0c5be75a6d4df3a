//! Metrics of the server, read by a strict parser of OpenMetrics 1.0 that panics on any fault.

use std::collections::BTreeMap;

use super::server::pichat_command;
use super::{Client, Server};

/// Values by sample, such as `pichat_rooms{state="reserved"}`.
pub fn figures(client: &Client) -> BTreeMap<String, u64> {
    let answer = client.get("/api/metrics");
    assert_eq!(answer.status, 200, "{}", answer.text());
    read(&String::from_utf8(answer.body).expect("UTF-8"))
}

/// Returns one value, 0 if it was never counted.
pub fn figure(client: &Client, sample: &str) -> u64 {
    figures(client).get(sample).copied().unwrap_or_default()
}

fn is_name(text: &str) -> bool {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(begins) && text.chars().all(|c| begins(c) || c.is_ascii_digit())
}

/// Reads all metrics.
pub fn read(text: &str) -> BTreeMap<String, u64> {
    let text = text.strip_suffix("# EOF\n").expect("ends with its mark");
    assert!(text.ends_with('\n') && !text.contains('\r'), "lines end with LF");
    let (mut families, mut samples) = (BTreeMap::new(), BTreeMap::new());
    let mut current = String::new();
    for line in text.lines() {
        if let Some(descriptor) = line.strip_prefix("# ") {
            let [word, name, rest] =
                descriptor.splitn(3, ' ').collect::<Vec<_>>().try_into().expect("three words");
            if word == "TYPE" {
                assert!(is_name(name) && ["gauge", "counter", "info"].contains(&rest), "{line}");
                assert!(families.insert(name.to_owned(), rest.to_owned()).is_none(), "{name} is there twice");
                name.clone_into(&mut current);
            }
            assert_eq!(name, current, "a family stands together: {line}");
            match word {
                "TYPE" => {}
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                "HELP" => assert!(!rest.is_empty() && !rest.contains(['"', '\\']), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect("a sample");
        let (name, labels) =
            sample.split_once('{').map_or((sample, None), |(name, labels)| (name, Some(labels)));
        let ending = match families[&current].as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        assert_eq!(name, format!("{current}{ending}"), "samples follow their family");
        for label in labels.map(|l| l.strip_suffix('}').expect("ends")).into_iter().flat_map(|l| l.split(','))
        {
            let (key, value) = label.split_once('=').expect("a label");
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).expect("in quotes");
            assert!(is_name(key) && !value.contains(['"', '\\']), "{line}");
        }
        let value = value.parse().unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(samples.insert(sample.to_owned(), value).is_none(), "{sample} is there twice");
    }
    samples
}

/// Creates a new metrics token, which ends the previous one.
pub fn metrics_token(server: &Server) -> String {
    let made = pichat_command()
        .args(["metrics-token", "--data-dir"])
        .arg(&server.data_dir)
        .env("PICHAT_AUDIT_SYSLOG", "stderr")
        .output();
    let made = made.expect("runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).expect("UTF-8").trim_end().to_owned()
}

/// Returns a client with the metrics token and without a session.
pub fn watcher(server: &Server) -> Client {
    Client::new(server).with("Authorization", &format!("Bearer {}", metrics_token(server)))
}
