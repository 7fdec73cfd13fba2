//! Draws worlds: the n-th of a seed is always the same. All chance of a case is spent here.

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::palette::VALUES;
use crate::world::{
    Adopt, AppEdit, Authority, Blank, ColumnSpec, Content, Deletes, Edit, Fed, Kind, Mishap, Mode, Run, RunKind,
    Schema, Step, SyncSpec, Trigger, Unique, What, World,
};

/// SQLSTATEs that a row's trigger can raise and that speak of nothing but the row. Those of the platform are left out: raised
/// by a trigger, they look exactly as if the platform had raised them.
pub const CODES: [&str; 22] = [
    "P0001", "P0002", "P0003", "P0004", "42501", "42P01", "42883", "42703", "22023", "22P02", "23514", "23505",
    "21000", "38000", "39000", "XX000", "PT402", "PT500", "0A000", "2F003", "54000", "AB123",
];

/// In so many of a hundred worlds there is a scene.
const SCENES: u32 = 40;

/// The n-th world of a seed.
#[must_use]
pub fn draw(seed: u64, number: u64) -> World {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    Draw { random }.world()
}

/// All chance of a case.
pub(crate) struct Draw {
    pub(crate) random: ChaCha8Rng,
}

impl Draw {
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.random.random_range(0..end) }
    }

    /// One of some, each as likely as its weight.
    pub(crate) fn weighed<T: Clone>(&mut self, choices: &[(u32, T)]) -> T {
        let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
        let mut at = self.random.random_range(0..total);
        for (weight, choice) in choices {
            if at < *weight {
                return choice.clone();
            }
            at -= weight;
        }
        choices[0].1.clone()
    }

    fn world(&mut self) -> World {
        let schema = self.schema();
        let syncs: Vec<SyncSpec> = (0..if self.chance(40) { 2 } else { 1 }).map(|_| self.sync(&schema)).collect();
        let rows = if self.chance(10) { self.random.random_range(11..15) } else { self.random.random_range(3..10) };
        let mut keys: Vec<u8> = (0..VALUES).collect();
        if schema.keys[0] == Kind::Uuid || matches!(schema.keys[0], Kind::Citext | Kind::Folded) && self.chance(80) {
            // Neighbours are equal to the table.
            keys.retain(|key| key % 2 == 0);
        }
        keys.shuffle(&mut self.random);
        let mut tabs: Vec<Vec<Vec<Content>>> = vec![Vec::new(); syncs.len()];
        let mut place = 0;
        for (number, key) in keys.iter().take(rows).enumerate() {
            let tab = number % tabs.len();
            tabs[tab].push(self.row(&schema, *key, number as u8));
            place = number + 1;
        }
        let table = match self.chance(35) {
            true => {
                let some = self.random.random_range(1..4);
                (0..some)
                    .map(|_| {
                        let key = keys[self.below(keys.len())];
                        self.row(&schema, key, place as u8)
                    })
                    .collect()
            }
            false => Vec::new(),
        };
        let mut steps: Vec<Step> = Vec::new();
        for sync in 0..syncs.len() {
            steps.push(Step::Run(Run { sync, kind: RunKind::Changes, mishaps: Vec::new(), settles: true }));
        }
        let favourites = self.favourites();
        let count = self.random.random_range(3..18);
        for _ in 0..count {
            steps.push(self.step(&schema, &syncs, &favourites));
        }
        let mut world = World { schema, syncs, tabs, table, steps };
        if self.chance(SCENES) {
            self.scene(&mut world);
        }
        world
    }

    fn schema(&mut self) -> Schema {
        let keys = if self.chance(15) {
            vec![Kind::Text, Kind::Integer]
        } else {
            vec![self.weighed(&[
                (50, Kind::Text),
                (10, Kind::Uuid),
                (14, Kind::Integer),
                (5, Kind::Char),
                (1, Kind::Citext),
                (1, Kind::Folded),
                (7, Kind::Date),
                (6, Kind::Varchar),
            ])]
        };
        let mut columns = Vec::new();
        for _ in 0..self.random.random_range(1..6) {
            let kind = self.weighed(&[
                (25, Kind::Text),
                (6, Kind::Varchar),
                (4, Kind::Citext),
                (20, Kind::Integer),
                (10, Kind::Numeric),
                (6, Kind::Boolean),
                (4, Kind::Date),
                (4, Kind::Moment),
                (4, Kind::Json),
                (4, Kind::Texts),
                (4, Kind::Enum),
                (4, Kind::Domain),
                (if keys == [Kind::Text] { 8 } else { 0 }, Kind::Parent),
            ]);
            let can_be_unique = matches!(kind, Kind::Text | Kind::Varchar | Kind::Integer | Kind::Numeric | Kind::Date);
            let unique = (can_be_unique && self.chance(40))
                .then(|| if self.chance(30) { Unique::Deferrable } else { Unique::Plain });
            columns.push(ColumnSpec {
                kind,
                not_null: self.chance(10) && kind != Kind::Parent,
                unique,
                checked: self.chance(12) && kind != Kind::Parent,
                has_default: self.chance(8) && kind != Kind::Parent && unique.is_none(),
            });
        }
        let triggers = match self.chance(50) {
            true => (0..self.random.random_range(1..3)).map(|_| self.trigger(&columns)).collect(),
            false => Vec::new(),
        };
        Schema { keys, columns, triggers, partitioned: self.chance(6) }
    }

    fn trigger(&mut self, columns: &[ColumnSpec]) -> Trigger {
        let column = self.below(columns.len());
        let texts: Vec<usize> = (0..columns.len()).filter(|index| columns[*index].kind.is_text()).collect();
        let text = texts.choose(&mut self.random).copied().unwrap_or(column);
        let value = self.value();
        match self.below(10) {
            0 | 1 => Trigger::Normalise(text),
            2 => Trigger::Compute(column, text),
            3 => Trigger::Swallow(column, value),
            4 => Trigger::Redirect(column, value),
            5 => Trigger::KeepOld(column),
            6 => Trigger::Touch,
            7 => Trigger::Audit(column, value),
            _ => {
                let code = CODES[self.below(CODES.len())];
                Trigger::Raise(column, value, code.to_owned())
            }
        }
    }

    fn sync(&mut self, schema: &Schema) -> SyncSpec {
        let columns = schema
            .columns
            .iter()
            .map(|_| Fed {
                authority: self.weighed(&[
                    (72, Authority::Merge),
                    (12, Authority::Sheet),
                    (7, Authority::Database),
                    (9, Authority::Unmapped),
                ]),
                blank: self.weighed(&[(76, Blank::Null), (10, Blank::Keep), (7, Blank::Default), (7, Blank::Reject)]),
            })
            .collect();
        SyncSpec {
            columns,
            mode: self.weighed(&[(86, Mode::Upsert), (6, Mode::InsertOnly), (8, Mode::UpdateOnly)]),
            database_wins: self.chance(25),
            deletes: self.weighed(&[(55, Deletes::Hard), (27, Deletes::Soft), (18, Deletes::Ignore)]),
            guard: self.weighed(&[(10, 0), (10, 1), (15, 2), (65, 20)]),
            batch_rows: self.random.random_range(1..8),
            chunk_rows: self.weighed(&[(50, 2), (30, 3), (20, 5)]),
            key_as_text: schema.keys == [Kind::Integer] && self.chance(30),
            adopt: self.weighed(&[(40, Adopt::Sheet), (30, Adopt::Ask), (30, Adopt::Database)]),
            precedence: u8::from(self.chance(30)),
            confirm_deletes: self.weighed(&[(50, 2), (40, 1), (10, 3)]),
            rename_by: (0..schema.columns.len())
                .find(|index| schema.columns[*index].unique.is_some())
                .filter(|_| self.chance(60)),
        }
    }

    /// A value; the first ones more often, so that rows meet.
    pub(crate) fn value(&mut self) -> u8 {
        match self.below(10) {
            0..=6 => self.random.random_range(0..6),
            7 | 8 => self.random.random_range(0..VALUES),
            _ => VALUES - 1,
        }
    }

    fn content(&mut self) -> Content {
        match self.below(20) {
            0 | 1 => Content::Blank,
            2 => Content::Bad,
            3 => Content::Error,
            _ => Content::Value(self.value(), self.random.random_range(0..3)),
        }
    }

    /// A row that most likely can be written: its unique values follow its number.
    pub(crate) fn row(&mut self, schema: &Schema, key: u8, number: u8) -> Vec<Content> {
        let mut cells = vec![Content::Value(key, self.random.random_range(0..2))];
        if schema.keys.len() > 1 {
            cells.push(Content::Value(self.random.random_range(0..2), 0));
        }
        for column in &schema.columns {
            let content = if column.unique.is_some() && self.chance(95) {
                // The last value is one that some types refuse.
                Content::Value(number % (VALUES - 1), self.random.random_range(0..2))
            } else if column.kind == Kind::Parent {
                if self.chance(60) { Content::Blank } else { Content::Value(self.random.random_range(0..VALUES), 0) }
            } else if self.chance(85) {
                Content::Value(self.random.random_range(0..5), self.random.random_range(0..3))
            } else {
                self.content()
            };
            cells.push(content);
        }
        cells
    }

    /// What people do more often in this world than others.
    fn favourites(&mut self) -> Vec<u32> {
        let mut weights = vec![1; 16];
        // Keys are what most depends on.
        weights[0] = 4;
        for _ in 0..4 {
            let at = self.below(weights.len());
            weights[at] += 5;
        }
        weights
    }

    fn step(&mut self, schema: &Schema, syncs: &[SyncSpec], favourites: &[u32]) -> Step {
        match self.below(100) {
            0..=42 => {
                let tab = self.below(syncs.len());
                Step::Sheet(tab, self.edit(schema, syncs, favourites))
            }
            43..=56 => Step::App(self.app(schema)),
            57..=81 => Step::Run(self.run(schema, syncs, favourites)),
            82..=87 => {
                let mishaps =
                    if self.chance(40) { vec![self.mishap(schema, syncs, favourites, 6)] } else { Vec::new() };
                Step::Deliver {
                    from: self.random.random_range(0..6),
                    count: self.random.random_range(1..5),
                    twice: self.chance(30),
                    mishaps,
                }
            }
            88..=89 => Step::Settle,
            90..=92 => Step::Redeliver {
                message: self.random.random_range(0..30),
                half: self.chance(30).then(|| self.random.random_range(0..2)),
            },
            93..=95 => Step::Minutes(*[1, 5, 20, 90, 700, 1500].choose(&mut self.random).unwrap_or(&5)),
            _ => Step::Approve(self.below(syncs.len())),
        }
    }

    fn run(&mut self, schema: &Schema, syncs: &[SyncSpec], favourites: &[u32]) -> Run {
        let kind = match self.below(20) {
            0 => RunKind::Full,
            1 => RunKind::Selective((0..self.random.random_range(1..3)).map(|_| self.below(8)).collect()),
            _ => RunKind::Changes,
        };
        let mishaps = match self.chance(35) {
            true => (0..self.random.random_range(1..3)).map(|_| self.mishap(schema, syncs, favourites, 12)).collect(),
            false => Vec::new(),
        };
        Run { sync: self.below(syncs.len()), kind, mishaps, settles: self.chance(75) }
    }

    fn mishap(&mut self, schema: &Schema, syncs: &[SyncSpec], favourites: &[u32], calls: u8) -> Mishap {
        let what = match self.below(100) {
            0..=14 => What::Edit(self.below(syncs.len()), self.column_edit(schema)),
            15..=29 => What::Edit(self.below(syncs.len()), self.row_edit(schema)),
            30..=59 => What::Edit(self.below(syncs.len()), self.edit(schema, syncs, favourites)),
            60..=69 => What::App(self.app(schema)),
            70..=81 => What::LoseAnswer,
            82..=89 => What::LoseRequest,
            _ => What::Kill,
        };
        // A read of some rows is the third to the eighth call.
        let call = match what {
            What::Edit(..) if self.chance(60) => self.random.random_range(3..8),
            _ => self.random.random_range(0..calls),
        };
        Mishap { call, what }
    }

    fn edit(&mut self, schema: &Schema, syncs: &[SyncSpec], favourites: &[u32]) -> Edit {
        let (row, other) = (self.below(12), self.below(12));
        let column = self.below(schema.width());
        let kinds: Vec<(u32, usize)> = favourites.iter().copied().zip(0..).collect();
        match self.weighed(&kinds) {
            0 => {
                let key = self.key_content();
                Edit::Set { row, column: 0, content: key }
            }
            1 => Edit::FillDown { row, column, count: self.random.random_range(1..4) },
            2 => Edit::Swap { row, other, column },
            3 => Edit::Renumber { column: self.integer(schema), first: self.random.random_range(0..3) },
            4 => {
                let key = self.random.random_range(0..VALUES);
                let number = self.random.random_range(0..VALUES);
                Edit::Insert { at: if self.chance(50) { 0 } else { row }, cells: self.row(schema, key, number) }
            }
            5 => Edit::Copy { row, at: other },
            6 => Edit::Move { row, to: other },
            7 => Edit::Sort { column, descending: self.chance(40) },
            8 => Edit::Delete { row, count: self.random.random_range(1..4) },
            9 => Edit::Paste { row, tab: self.below(syncs.len()), at: other },
            10 => Edit::InsertColumn { at: self.below(schema.width() + 1) },
            11 => Edit::MoveColumn { from: column, to: self.below(schema.width()) },
            12 if self.chance(30) => Edit::RenameColumn(column),
            12 if self.chance(30) => Edit::DeleteColumn(column),
            13 => Edit::Load {
                row,
                count: self.random.random_range(1..4),
                column: if self.chance(70) { 0 } else { column },
                reads: self.random.random_range(1..4),
            },
            14 => Edit::Undo,
            _ => Edit::Set { row, column, content: self.content() },
        }
    }

    /// What shifts the columns that a read has not come to.
    fn column_edit(&mut self, schema: &Schema) -> Edit {
        match self.chance(60) {
            true => Edit::InsertColumn { at: if self.chance(60) { 0 } else { self.below(schema.width()) } },
            false => Edit::MoveColumn { from: self.below(schema.width()), to: self.below(schema.width()) },
        }
    }

    /// What shifts the rows that a read has not come to.
    pub(crate) fn row_edit(&mut self, schema: &Schema) -> Edit {
        let (row, other) = (self.below(12), self.below(12));
        match self.below(4) {
            0 => {
                let (key, number) = (self.random.random_range(0..VALUES), self.random.random_range(0..VALUES));
                Edit::Insert { at: 0, cells: self.row(schema, key, number) }
            }
            1 => Edit::Delete { row, count: 1 },
            2 => Edit::Move { row, to: other },
            _ => Edit::Sort { column: self.below(schema.width()), descending: true },
        }
    }

    /// Mostly another key, sometimes none.
    fn key_content(&mut self) -> Content {
        match self.below(12) {
            0 => Content::Blank,
            1 => Content::Error,
            2 => Content::Bad,
            _ => Content::Value(self.random.random_range(0..VALUES), self.random.random_range(0..3)),
        }
    }

    /// A column of numbers, unique if there is one.
    fn integer(&mut self, schema: &Schema) -> usize {
        let first = schema.keys.len();
        let unique = schema.columns.iter().position(|column| column.unique.is_some());
        let number = schema.columns.iter().position(|column| column.kind == Kind::Integer);
        unique.or(number).map_or(self.below(schema.width()), |index| first + index)
    }

    fn app(&mut self, schema: &Schema) -> AppEdit {
        let row = self.below(12);
        match self.below(20) {
            0..=11 => AppEdit::Update { row, column: self.below(schema.columns.len()), content: self.content() },
            12..=14 => {
                let key = self.random.random_range(0..VALUES);
                let number = self.random.random_range(0..VALUES);
                AppEdit::Insert(self.row(schema, key, number))
            }
            15 | 16 => AppEdit::Delete(row),
            17 | 18 => AppEdit::Mark(row),
            _ => AppEdit::Rename { row, key: self.random.random_range(0..VALUES) },
        }
    }
}
