//! Scenes: some steps in an order that chance alone hardly brings, for faults that need exactly that order. A scene is put
//! after the first runs of a world that was drawn like any other, whose steps follow it.

use rand::Rng as _;
use rand::seq::IndexedRandom as _;

use crate::draw::Draw;
use crate::world::{Adopt, AppEdit, Content, Deletes, Edit, Mishap, Mode, Run, RunKind, Step, SyncSpec, What, World};

/// The call of a run between its first two of the spreadsheet: the version and the size of the tab. The begin is call 0.
const BETWEEN: u8 = 2;

impl Draw {
    /// Puts a scene into a world.
    pub(crate) fn scene(&mut self, world: &mut World) {
        let sync = self.below(world.syncs.len());
        // What refuses rows keeps others from being deleted.
        if self.chance(70) {
            world.schema.triggers.clear();
            for column in &mut world.schema.columns {
                (column.not_null, column.checked) = (false, false);
            }
        }
        let steps = match self.below(6) {
            0 => self.edit_between(world, sync),
            1 => self.left_alone(world, sync),
            2 => self.handled_again(world, sync),
            3 => self.renamed(world, sync),
            _ => self.deletes_in_a_day(world, sync),
        };
        let first = world.syncs.len().min(world.steps.len());
        world.steps.splice(first..first, steps);
    }

    /// The tab grows or moves between the reading of the version and of the size, and one read is enough to delete.
    fn edit_between(&mut self, world: &mut World, sync: usize) -> Vec<Step> {
        self.deletes_at_once(&mut world.syncs[sync], 20);
        let edit = match self.below(4) {
            0 => self.row_edit(&world.schema),
            _ => {
                let key = self.free_key(world);
                Edit::Insert { at: 0, cells: self.row(&world.schema, key, key) }
            }
        };
        let mishap = Mishap { call: BETWEEN, what: What::Edit(sync, edit) };
        vec![Step::Run(Run { mishaps: vec![mishap], ..settled(sync) }), Step::Run(settled(sync))]
    }

    /// A row that the mode leaves alone; then the application makes it, with values of its own, so that the mode allows it.
    fn left_alone(&mut self, world: &mut World, sync: usize) -> Vec<Step> {
        world.syncs[sync].mode = Mode::UpdateOnly;
        if self.chance(80) {
            world.syncs[sync].adopt = Adopt::Sheet;
        }
        let mut steps = Vec::new();
        for _ in 0..self.random.random_range(1..3) {
            let Some(mut cells) = world.tabs[sync].choose(&mut self.random).cloned() else { break };
            for cell in cells.iter_mut().skip(world.schema.keys.len()) {
                *cell = if self.chance(30) { Content::Blank } else { Content::Value(self.value(), 0) };
            }
            steps.push(Step::App(AppEdit::Insert(cells)));
        }
        steps.push(Step::Run(settled(sync)));
        steps
    }

    /// A run of several batches, some of which are handled more than once before the others are.
    fn handled_again(&mut self, world: &mut World, sync: usize) -> Vec<Step> {
        world.syncs[sync].batch_rows = self.random.random_range(1..4);
        let mut steps = vec![Step::Run(Run { kind: RunKind::Full, settles: false, ..settled(sync) })];
        for _ in 0..self.random.random_range(2..5) {
            let call = self.random.random_range(0..3);
            let mishaps = if self.chance(30) { vec![Mishap { call, what: What::LoseAnswer }] } else { Vec::new() };
            steps.push(Step::Deliver { from: 0, count: self.random.random_range(1..3), twice: true, mishaps });
        }
        steps.push(Step::Settle);
        steps
    }

    /// As many rows as the guard allows go in one run, and more of them in runs of the same day.
    fn deletes_in_a_day(&mut self, world: &mut World, sync: usize) -> Vec<Step> {
        let guard = self.random.random_range(1..3);
        self.deletes_at_once(&mut world.syncs[sync], guard);
        while world.tabs[sync].len() < usize::from(guard) + 3 {
            let key = self.free_key(world);
            let cells = self.row(&world.schema, key, key);
            world.tabs[sync].push(cells);
        }
        let mut steps = Vec::new();
        for count in [usize::from(guard), 1, 1] {
            steps.push(Step::Sheet(sync, Edit::Delete { row: 0, count }));
            steps.push(Step::Run(settled(sync)));
            if self.chance(50) {
                steps.push(Step::Minutes(*[5, 90, 700].choose(&mut self.random).unwrap_or(&5)));
            }
        }
        steps
    }

    /// A row gets another key, and a unique value says that it is the same row.
    fn renamed(&mut self, world: &mut World, sync: usize) -> Vec<Step> {
        let unique = world.schema.columns.iter().position(|column| column.unique.is_some());
        world.syncs[sync].rename_by = unique;
        self.deletes_at_once(&mut world.syncs[sync], 20);
        let content = Content::Value(self.free_key(world), 0);
        let edit = Edit::Set { row: self.below(4), column: 0, content };
        vec![Step::Sheet(sync, edit), Step::Run(settled(sync))]
    }

    fn deletes_at_once(&mut self, spec: &mut SyncSpec, guard: u8) {
        spec.deletes = self.weighed(&[(70, Deletes::Hard), (30, Deletes::Soft)]);
        spec.confirm_deletes = 1;
        spec.guard = guard;
        spec.mode = Mode::Upsert;
    }

    /// A key that no tab has, if there is one.
    fn free_key(&mut self, world: &World) -> u8 {
        let is_free = |key: &u8| {
            !world.tabs.iter().flatten().any(|row| matches!(row[0], Content::Value(value, _) if value == *key))
        };
        let free: Vec<u8> = (0..crate::palette::VALUES).filter(is_free).collect();
        free.choose(&mut self.random).copied().unwrap_or_default()
    }
}

/// A run of a sync with all that it sends.
fn settled(sync: usize) -> Run {
    Run { sync, kind: RunKind::Changes, mishaps: Vec::new(), settles: true }
}
