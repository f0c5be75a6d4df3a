//! Tables as CSV (RFC 4180), safe to open in a spreadsheet.

/// Byte order mark: without it Excel reads the file as Windows-1252 and shows `ñ` as `Ã±`.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// First characters by which a spreadsheet takes a cell for a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// CSV table under construction.
pub(crate) struct CsvTable(String);

impl CsvTable {
    /// Starts a table with its head.
    pub(crate) fn new(head: &[&str]) -> Self {
        let mut table = Self(BYTE_ORDER_MARK.to_string());
        table.row(head);
        table
    }

    /// Appends a row.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.cell(cell);
        }
        self.0.push_str("\r\n");
    }

    /// Appends a cell. An apostrophe before a formula makes it text.
    fn cell(&mut self, cell: &str) {
        let is_quoted = cell.contains([',', '"', '\r', '\n']);
        if is_quoted {
            self.0.push('"');
        }
        if cell.starts_with(FORMULA_STARTS) {
            self.0.push('\'');
        }
        for c in cell.chars() {
            if c == '"' {
                self.0.push('"');
            }
            self.0.push(c);
        }
        if is_quoted {
            self.0.push('"');
        }
    }

    /// Returns the table as text.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cell: &str) -> String {
        let mut table = CsvTable(String::new());
        table.row(&[cell, "x"]);
        table.finish()
    }

    #[test]
    fn cell_that_would_be_a_formula_gets_an_apostrophe() {
        for start in FORMULA_STARTS {
            let line = written(&format!("{start}1+1"));
            let cell = line.trim_start_matches('"');
            assert!(cell.starts_with(&format!("'{start}1+1")), "{line:?}");
        }
        assert_eq!(written("=HYPERLINK(\"x\",1)"), "\"'=HYPERLINK(\"\"x\"\",1)\",x\r\n");
        assert_eq!(written("a=1"), "a=1,x\r\n");
    }

    #[test]
    fn cells_are_quoted_as_rfc_4180_says() {
        assert_eq!(written("a,b"), "\"a,b\",x\r\n");
        assert_eq!(written("a \"b\""), "\"a \"\"b\"\"\",x\r\n");
        assert_eq!(written("a\r\nb"), "\"a\r\nb\",x\r\n");
        assert_eq!(written("josé"), "josé,x\r\n");
        assert_eq!(CsvTable::new(&["á", "b"]).finish(), "\u{feff}á,b\r\n");
    }
}
