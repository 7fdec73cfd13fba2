"""Reads and edits a sheet through Google's Python client and through gspread, both unmodified, against the
local Sheets server: `python clients.py BASE_URL KEY_FILE SPREADSHEET_ID`. The spreadsheet has one tab, titled
物件一覧, which holds ROWS. Started by tests/clients.rs; asserts, and prints one line for each client.
"""

import sys

import gspread
import requests
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

TAB = "物件一覧"
ROWS = [["物件番号", "売買価格", "成約"], ["AA1", 128000000, True], ["AA2", "", False]]
SHEETS = "https://www.googleapis.com/auth/spreadsheets"
DRIVE = "https://www.googleapis.com/auth/drive"


def google_client(base_url, key_file, spreadsheet):
    credentials = service_account.Credentials.from_service_account_file(key_file, scopes=[SHEETS, DRIVE])
    sheets = build("sheets", "v4", credentials=credentials, client_options={"api_endpoint": base_url})
    drive = build("drive", "v3", credentials=credentials, client_options={"api_endpoint": f"{base_url}/drive/v3/"})
    spreadsheets = sheets.spreadsheets()
    values = spreadsheets.values()

    def read(range_, **options):
        options = {"valueRenderOption": "UNFORMATTED_VALUE", **options}
        return values.get(spreadsheetId=spreadsheet, range=range_, **options).execute().get("values")

    def version():
        file = drive.files().get(fileId=spreadsheet, fields="version,modifiedTime,trashed,mimeType", supportsAllDrives=True)
        return int(file.execute()["version"])

    before = version()
    fields = "properties(locale,timeZone),sheets.properties(sheetId,title,sheetType,gridProperties(rowCount))"
    metadata = spreadsheets.get(spreadsheetId=spreadsheet, fields=fields).execute()
    assert metadata["properties"] == {"locale": "ja_JP", "timeZone": "Asia/Tokyo"}, metadata
    assert metadata["sheets"][0]["properties"]["title"] == TAB, metadata
    assert read(TAB) == ROWS
    assert read(f"'{TAB}'!A2:B", valueRenderOption="FORMATTED_VALUE") == [["AA1", "128000000"], ["AA2"]]
    batch = values.batchGet(spreadsheetId=spreadsheet, ranges=["A1:A1", "C1:C"], majorDimension="COLUMNS").execute()
    assert [part["values"] for part in batch["valueRanges"]] == [[["物件番号"]], [["成約", "TRUE", "FALSE"]]], batch

    body = {"values": [["1,000", "=1/0"]]}
    updated = values.update(
        spreadsheetId=spreadsheet, range=f"'{TAB}'!B3", valueInputOption="USER_ENTERED", body=body
    ).execute()
    assert updated["updatedRange"] == f"'{TAB}'!B3:C3" and updated["updatedCells"] == 2, updated
    assert read("B3:C3") == [[1000, "#DIV/0!"]]
    appended = values.append(
        spreadsheetId=spreadsheet, range=TAB, valueInputOption="RAW", insertDataOption="INSERT_ROWS",
        body={"values": [["AA3", 1.5, "x"]]},
    ).execute()
    assert appended["tableRange"] == f"'{TAB}'!A1:C3", appended
    assert appended["updates"]["updatedRange"] == f"'{TAB}'!A4:C4", appended
    assert read("A4:C4") == [["AA3", 1.5, "x"]]
    assert values.clear(spreadsheetId=spreadsheet, range="A4:C4", body={}).execute()["clearedRange"] == f"'{TAB}'!A4:C4"
    assert read("A4:C4") is None
    values.update(spreadsheetId=spreadsheet, range="A3", valueInputOption="RAW", body={"values": [ROWS[2]]}).execute()
    assert read(TAB) == ROWS
    assert version() > before

    for range_, reason in [("Nope!A1", "Unable to parse range: Nope!A1"), ("A90000", "exceeds grid limits")]:
        try:
            read(range_)
            raise AssertionError(f"{range_} was read")
        except HttpError as error:
            assert error.status_code == 400 and reason in error.reason, error


class ToServer(requests.adapters.HTTPAdapter):
    """Sends what is meant for Google to the local server, so that gspread needs no change."""

    def __init__(self, base_url):
        super().__init__()
        self.base_url = base_url

    def send(self, request, *arguments, **options):
        host, slash, path = request.url.removeprefix("https://").partition("/")
        request.url = self.base_url + slash + path
        request.headers["Host"] = self.base_url.removeprefix("http://")
        return super().send(request, *arguments, **options)


def with_gspread(base_url, key_file, spreadsheet):
    client = gspread.service_account(filename=key_file)
    client.http_client.session.mount("https://sheets.googleapis.com", ToServer(base_url))
    client.http_client.session.mount("https://www.googleapis.com", ToServer(base_url))
    book = client.open_by_key(spreadsheet)
    sheet = book.worksheet(TAB)
    unformatted = gspread.utils.ValueRenderOption.unformatted
    assert sheet.get_all_values(value_render_option=unformatted) == [["物件番号", "売買価格", "成約"], ["AA1", 128000000, True], ["AA2", "", False]]
    assert sheet.get_all_records(value_render_option=unformatted)[0] == {"物件番号": "AA1", "売買価格": 128000000, "成約": True}
    assert sheet.acell("B2").value == "128000000"
    assert sheet.find("AA2").row == 3

    sheet.update([["AA2", 5]], "A3", raw=True)
    sheet.update_acell("C3", "FALSE")
    sheet.append_row(["AA3", "2024/3/1"], value_input_option="USER_ENTERED")
    sheet.append_rows([["AA4"], ["AA5"]])
    assert sheet.col_values(1) == ["物件番号", "AA1", "AA2", "AA3", "AA4", "AA5"]
    assert sheet.acell("B4").value == "2024/03/01"
    assert sheet.acell("B4", value_render_option=unformatted).value == 45352
    sheet.delete_rows(5, 6)
    sheet.insert_row(["new", 1], index=2)
    assert sheet.row_values(2) == ["new", "1"]
    sheet.batch_update([{"range": "A2", "values": [["newer"]]}, {"range": "B2:C2", "values": [[2, 3]]}])
    assert sheet.row_values(2) == ["newer", "2", "3"]
    sheet.batch_clear(["A2:C2"])
    assert sheet.row_values(2) == []
    sheet.delete_rows(2)

    other = book.add_worksheet("It's 2", rows=10, cols=4)
    assert [tab.title for tab in book.worksheets()] == [TAB, "It's 2"]
    other.update([["x"]], "A1")
    other.resize(rows=20)
    other.update_title("Renamed")
    other.freeze(rows=1)
    assert book.worksheet("Renamed").row_count == 20 and book.worksheet("Renamed").frozen_row_count == 1
    other.clear()
    assert other.get_all_values() == [[]]
    book.del_worksheet(other)
    book.update_title("新しい名前")
    assert client.open_by_key(spreadsheet).title == "新しい名前"
    assert book.get_lastUpdateTime()

    try:
        client.open_by_key("no-such-spreadsheet")
        raise AssertionError("a spreadsheet was opened that does not exist")
    except gspread.exceptions.SpreadsheetNotFound:
        pass


if __name__ == "__main__":
    google_client(*sys.argv[1:4])
    print("google-api-python-client: read, updated, appended, cleared")
    with_gspread(*sys.argv[1:4])
    print("gspread: read, updated, appended, cleared")
