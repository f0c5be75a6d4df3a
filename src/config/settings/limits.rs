//! Settings of `[limits]`, made of the rows of the limits.

use crate::config::kind::SettingKind;
use crate::config::sections::limits::limit_rows;
use crate::config::setting::{Reload, Setting};
use crate::types::texts::key;

/// Makes the [`Setting`] of each limit.
macro_rules! settings {
    ($($name:ident: $type:ty = $default:literal, up to $ceiling:ident, $doc:path;)*) => {
        /// Rows of `[limits]`.
        pub(super) const SETTINGS: &[Setting] = &[$(
            Setting {
                path: concat!("limits.", stringify!($name)),
                kind: SettingKind::Number,
                default: stringify!($default),
                reload: Reload::Live,
                doc: $doc,
                same: |a, b| a.limits.$name == b.limits.$name,
            },
        )*];
    };
}

limit_rows!(settings);
