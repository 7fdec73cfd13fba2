"""Writes types.xlsx, the workbook of tests/api/reading.rs. Needs openpyxl; run only when the test changes."""

import datetime
import pathlib

import openpyxl

book = openpyxl.Workbook()
sheet = book.active
sheet.title = "型の表"
sheet.append(["文字", "数", "真偽", "日付", "日時", "誤り"])
sheet.append(["あ", 1.5, True, datetime.date(2024, 3, 1), datetime.datetime(2024, 3, 1, 12), "#N/A"])
sheet["B4"] = 42
book.create_sheet("Second")["A1"] = "only"
book.save(pathlib.Path(__file__).with_name("types.xlsx"))
