//! Configuration of wpa_supplicant.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::config::{WifiPassword, WifiSettings};
use crate::types::crypto::{hex, wpa_key};

/// Returns wpa_supplicant.conf for this network; `None` without one.
pub(super) fn configuration(
    wifi: &WifiSettings,
    password: Option<&WifiPassword>,
) -> Option<Zeroizing<String>> {
    let ssid = wifi.ssid.as_ref()?;
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push_str("ctrl_interface=/run/wpa_supplicant\n");
    // Protected management frames if both sides support them: WPA3 requires them. Set as a default, not per
    // network, so that a chip without support still works.
    text.push_str("pmf=1\n");
    if let Some(country) = &wifi.country {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "country={country}");
    }
    // Hexadecimal, so that no character of a name has a special meaning.
    let _ = writeln!(text, "network={{\n\tssid={}\n\tscan_ssid=1", hex(ssid.as_bytes()));
    match password {
        None => text.push_str("\tkey_mgmt=NONE\n"),
        Some(key) if key.is_key() => {
            let _ = writeln!(text, "\tkey_mgmt=WPA-PSK\n\tpsk={}", key.as_str());
        }
        Some(passphrase) => {
            // Never the passphrase in quotes: wpa_supplicant 2.10 takes a `#` behind a quote in it for a
            // comment. WPA2 gets the derived key; WPA3, which needs the passphrase, gets it in hexadecimal.
            let words = passphrase.as_str();
            let key = Zeroizing::new(hex(&*wpa_key(words, ssid.as_bytes())));
            let words = Zeroizing::new(hex(words.as_bytes()));
            let _ = writeln!(text, "\tkey_mgmt=WPA-PSK SAE\n\tpsk={}\n\tsae_password={}", *key, *words);
        }
    }
    text.push_str("}\n");
    Some(text)
}
