//! Drive's `files.get`, as far as it concerns a spreadsheet: what kind of file it is and whether it moved.

use serde_json::{Value, json};

use crate::call::Call;
use crate::document::{Document, Kind};
use crate::error::ApiError;
use crate::fields::Mask;

/// What Drive answers when no fields are asked for.
const DEFAULT_FIELDS: &str = "kind,id,name,mimeType";

/// Members of a Drive file that this server knows.
const FIELDS: &str = "kind,id,name,mimeType,version,trashed,createdTime,modifiedTime,webViewLink,\
    explicitlyTrashed,size,md5Checksum,capabilities,owners,lastModifyingUser,headRevisionId,parents,driveId,permissions,shared";

pub(crate) fn get(call: &Call, document: &Document) -> Result<Value, ApiError> {
    let wanted = call.query.one("fields").unwrap_or(DEFAULT_FIELDS);
    let invalid = |path: &str| ApiError::invalid(format!("Invalid field selection {path}"));
    let mask = Mask::parse(wanted).map_err(|bad| invalid(&bad.0))?;
    let known = Mask::parse(FIELDS).map_err(|bad| invalid(&bad.0))?;
    if let Some(path) = mask.unknown_in(&known) {
        return Err(invalid(&path));
    }
    let modified = format!("{:.3}", document.modified());
    let mut file = json!({
        "kind": "drive#file",
        "id": call.document,
        "name": document.content.title,
        "mimeType": match document.kind {
            Kind::GoogleSheet => "application/vnd.google-apps.spreadsheet",
            Kind::UploadedXlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        },
        "version": document.version().to_string(),
        "trashed": document.trashed,
        "explicitlyTrashed": document.trashed,
        "createdTime": format!("{:.3}", document.created()),
        "modifiedTime": modified,
        "webViewLink": format!("https://docs.google.com/spreadsheets/d/{}/edit?usp=drivesdk", call.document),
        "shared": true,
    });
    mask.apply(&mut file);
    Ok(file)
}
