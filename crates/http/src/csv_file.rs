//! Tables as files for spreadsheets.

use actix_web::{HttpResponse, http::header};
use csv::{Terminator, WriterBuilder};

use crate::problem::{Code, Problem};

/// The media type of a table.
pub(crate) const CSV: &str = "text/csv; charset=utf-8";

/// Answers with a table as a file to be kept. `name` is the file's name without its ending, in ASCII
/// letters, digits and `-`.
pub(crate) fn csv_file(
    name: &str,
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<HttpResponse, Problem> {
    let body = table(columns, rows).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as CSV");
        Problem::new(Code::Internal)
    })?;
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    Ok(HttpResponse::Ok()
        .content_type(CSV)
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body))
}

/// Stands before a table. Without it Excel reads a file that is opened by a double click in the code
/// page of the machine, and Korean names become nonsense.
const BYTE_ORDER_MARK: &str = "\u{feff}";

fn table(
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(BYTE_ORDER_MARK.into());
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless))?;
    }
    Ok(writer.into_inner()?)
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cell: &str) -> String {
        let rows = [vec![cell.to_owned(), "x".to_owned()]];
        let table = table(&["a", "b"], rows).unwrap();
        let text = String::from_utf8(table).unwrap();
        text.strip_prefix(BYTE_ORDER_MARK).unwrap().to_owned()
    }

    #[test]
    fn a_table_begins_with_the_mark_by_which_spreadsheets_know_its_encoding() {
        let table = table(&["이름"], [vec!["하루".to_owned()]]).unwrap();
        assert_eq!(table, "\u{feff}이름\r\n하루\r\n".as_bytes());
    }

    #[test]
    fn a_cell_is_never_a_formula() {
        for start in ["=", "+", "-", "@", "\t"] {
            let expected = format!("a,b\r\n'{start}1,x\r\n");
            assert_eq!(written(&format!("{start}1")), expected);
        }
        assert_eq!(written("\r1"), "a,b\r\n\"'\r1\",x\r\n");
        for harmless in ["1-2", "a=b", "하루", "", "'=1"] {
            assert_eq!(written(harmless), format!("a,b\r\n{harmless},x\r\n"));
        }
    }

    #[test]
    fn a_cell_stays_one_cell() {
        assert_eq!(written("a,b"), "a,b\r\n\"a,b\",x\r\n");
        assert_eq!(written("say \"a\""), "a,b\r\n\"say \"\"a\"\"\",x\r\n");
        assert_eq!(written("=a\n,b"), "a,b\r\n\"'=a\n,b\",x\r\n");
    }
}
