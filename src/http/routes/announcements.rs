//! Announcements to all users, for administrators.

use http::{HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::announcements::{
    AnnouncementDraft, AnnouncementError, AnnouncementStatus, MAX_OPEN_ANNOUNCEMENTS, RecipientList,
};
use crate::audit::Event;
use crate::clock::Timestamp;
use crate::http::request::auth::Admin;
use crate::http::response::body::Body;
use crate::http::response::csv::CsvTable;
use crate::http::response::headers::response;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::types::texts::{Key, key};
use crate::types::{AnnouncementId, Lang, TextError};

use super::session::read_json;
use super::{json, no_content};

type Result<T = Response<Body>> = std::result::Result<T, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAnnouncement {
    text: String,
    acknowledge: bool,
}

#[derive(Serialize)]
struct AnnouncementDto<'a> {
    id: AnnouncementId,
    by: &'a str,
    text: &'a str,
    at: String,
    acknowledge: bool,
    acknowledged: usize,
    people: usize,
    ends_at: String,
}

impl<'a> From<&'a AnnouncementStatus> for AnnouncementDto<'a> {
    fn from(status: &'a AnnouncementStatus) -> Self {
        let AnnouncementStatus { announcement, acknowledged, people } = status;
        Self {
            id: announcement.id,
            by: &announcement.by,
            text: &announcement.text,
            at: announcement.at.to_string(),
            acknowledge: announcement.acknowledge,
            acknowledged: *acknowledged,
            people: *people,
            ends_at: announcement.ends_at().to_string(),
        }
    }
}

impl From<AnnouncementError> for Problem {
    fn from(error: AnnouncementError) -> Self {
        match error {
            AnnouncementError::Text(TextError::Blank) => {
                Self::new(ProblemCode::BadRequest).with_detail(key::MESSAGE_BLANK, Vec::new())
            }
            AnnouncementError::Text(TextError::TooLong { max }) => Self::new(ProblemCode::TooLong)
                .saying(key::PROBLEM_TOO_LONG_BY, vec![("max", max.to_string())]),
            AnnouncementError::TooMany => Self::new(ProblemCode::Conflict)
                .saying(key::PROBLEM_ANNOUNCEMENTS, vec![("max", MAX_OPEN_ANNOUNCEMENTS.to_string())]),
            AnnouncementError::Store(error) => error.into(),
        }
    }
}

fn id_of(call: &RoutedRequest) -> Result<AnnouncementId> {
    AnnouncementId::parse(&call.param).ok_or_else(|| Problem::new(ProblemCode::NotFound))
}

/// Makes an announcement to all users.
pub(super) async fn make(call: RoutedRequest, who: Admin) -> Result {
    let RoutedRequest { app, request, addr, .. } = call;
    let NewAnnouncement { text, acknowledge } = read_json(request).await?;
    let draft = AnnouncementDraft { text, acknowledge };
    let status = app.sockets.announcements.make(draft, &who.session().person, addr).await?;
    Ok(json(StatusCode::CREATED, &AnnouncementDto::from(&status)))
}

/// Lists the open announcements, the newest first.
pub(super) async fn list(call: RoutedRequest, _: Admin) -> Result {
    let open = call.app.sockets.announcements.list().await?;
    Ok(json(StatusCode::OK, &open.iter().map(AnnouncementDto::from).collect::<Vec<_>>()))
}

/// Ends an announcement.
pub(super) async fn end(call: RoutedRequest, who: Admin) -> Result {
    let id = id_of(&call)?;
    let ended = call.app.sockets.announcements.end(id, &who.session().person.name, call.addr).await?;
    if ended { Ok(no_content()) } else { Err(Problem::new(ProblemCode::NotFound)) }
}

/// Hands out the users who have and have not acknowledged an announcement, as a table.
pub(super) async fn export(call: RoutedRequest, who: Admin) -> Result {
    let id = id_of(&call)?;
    let list = call.app.sockets.announcements.recipients(id).await?;
    let list = list.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let (user, id) = (who.session().person.name.clone(), id.to_string());
    let disposition = format!("attachment; filename=\"{}-{id}.csv\"", key::CSV_ANNOUNCEMENT.get(call.lang));
    call.app.audit.record(Event::AnnouncementExported { user, addr: call.addr, id }).await;
    let mut response = response(Body::from(csv(&list, call.lang).into_bytes()));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, const { HeaderValue::from_static("text/csv; charset=utf-8") });
    // An ASCII name of the texts and digits.
    let attachment = const { HeaderValue::from_static("attachment") };
    fields.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).unwrap_or(attachment));
    Ok(response)
}

/// Writes the table. Its head is in every language, since colleagues may share the file.
fn csv(RecipientList { recipients, .. }: &RecipientList, lang: Lang) -> String {
    let heading = |text: Key| Lang::ALL.iter().map(|lang| text.get(*lang)).collect::<Vec<_>>().join(" / ");
    let head = [key::CSV_USER, key::CSV_ACKNOWLEDGED, key::CSV_TIME].map(heading);
    let mut table = CsvTable::new(&head.each_ref().map(String::as_str));
    for recipient in recipients {
        let has = if recipient.acknowledged_at.is_some() { key::CSV_YES } else { key::CSV_NO };
        let at = recipient.acknowledged_at.as_ref().map(Timestamp::to_string).unwrap_or_default();
        table.row(&[&recipient.name, has.get(lang), &at]);
    }
    table.finish()
}
