//! Names by which browsers may reach this device.

/// The name of a device as it is shipped. Each certificate that a device makes for itself holds it too.
const DEFAULT_NAME: &str = "pichat.local";
const MDNS_DOMAIN: &str = ".local";

/// The device's own names, lower case. Its addresses, `localhost` and `[http] hosts` are valid beside them.
///
/// Not every `.local` name is one: any device on the network can announce them by mDNS and lead a browser
/// here under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnNames {
    names: Vec<String>,
    /// The name that mDNS publishes.
    published: String,
}

impl OwnNames {
    /// The names of a machine with this host name: the name and its first label, each alone and with
    /// `.local`, as mDNS publishes it.
    pub fn new(host_name: &str) -> Self {
        let name = host_name.trim_end_matches('.').to_ascii_lowercase();
        let bare = name.strip_suffix(MDNS_DOMAIN).unwrap_or(&name);
        let label = bare.split('.').next().unwrap_or_default();
        let mut names = vec![DEFAULT_NAME.to_owned()];
        for own in [bare, label] {
            if !own.is_empty() {
                names.extend([own.to_owned(), format!("{own}{MDNS_DOMAIN}")]);
            }
        }
        names.sort_unstable();
        names.dedup();
        let published =
            if label.is_empty() { DEFAULT_NAME.to_owned() } else { format!("{label}{MDNS_DOMAIN}") };
        Self { names, published }
    }

    /// Returns the name for a person to type: the one that mDNS publishes.
    pub fn published(&self) -> &str {
        &self.published
    }

    /// Returns true if `host` (lower case, without port) is one of the names.
    pub fn contains(&self, host: &str) -> bool {
        self.names.iter().any(|own| own == host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_host_name() {
        for (host_name, own) in [
            ("recepcion", &["recepcion", "recepcion.local", "pichat.local"][..]),
            ("Recepcion.local", &["recepcion", "recepcion.local", "pichat.local"]),
            (
                "pi.oficina.example",
                &["pi.oficina.example", "pi", "pi.local", "pi.oficina.example.local", "pichat.local"],
            ),
            ("pichat", &["pichat", "pichat.local"]),
            ("", &["pichat.local"]),
            (".local", &["pichat.local"]),
        ] {
            let names = OwnNames::new(host_name);
            assert!(own.iter().all(|own| names.contains(own)), "{host_name}: {names:?}");
            assert!(names.contains(names.published()) && names.published().ends_with(".local"), "{names:?}");
            assert_eq!(names.names.len(), own.len(), "{host_name}: {names:?}");
            for foreign in
                ["", "local", ".local", "otro.local", "x.recepcion.local", "pichat2.local", "oficina.example"]
            {
                assert!(!names.contains(foreign), "{host_name}: {foreign}");
            }
        }
    }
}
