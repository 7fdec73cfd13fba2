//! Makes a world that breaks an invariant as small as it gets while it still breaks the same one: first fewer steps, then fewer
//! triggers and constraints, columns and rows, then plainer values.

use std::time::{Duration, Instant};

use crate::fault::{Fault, Invariant};
use crate::world::{
    Adopt, Authority, Blank, Content, Edit, Fed, Kind, Mode, Run, RunKind, Step, SyncSpec, What, World,
};

/// How much may be spent on one world.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Worlds that are played.
    pub plays: u32,
    /// Time.
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { plays: 400, time: Duration::from_secs(60) }
    }
}

/// Makes a world small; `play` says what it breaks.
pub fn shrink(
    world: &World,
    fault: &Fault,
    budget: Budget,
    play: &mut dyn FnMut(&World) -> Option<Fault>,
) -> (World, Fault) {
    let mut shrinker = Shrinker {
        best: world.clone(),
        fault: fault.clone(),
        invariant: fault.invariant,
        left: budget.plays,
        until: Instant::now() + budget.time,
        play,
    };
    loop {
        let before = shrinker.best.clone();
        shrinker.steps();
        shrinker.schema();
        shrinker.rows();
        shrinker.syncs();
        shrinker.values();
        if shrinker.best == before || shrinker.is_spent() {
            return (shrinker.best, shrinker.fault);
        }
    }
}

struct Shrinker<'a> {
    best: World,
    fault: Fault,
    invariant: Invariant,
    left: u32,
    until: Instant,
    play: &'a mut dyn FnMut(&World) -> Option<Fault>,
}

impl Shrinker<'_> {
    fn is_spent(&self) -> bool {
        self.left == 0 || Instant::now() > self.until
    }

    /// Takes a smaller world if it breaks the same invariant.
    fn offer(&mut self, change: impl FnOnce(&mut World)) -> bool {
        let mut smaller = self.best.clone();
        change(&mut smaller);
        if smaller == self.best || self.is_spent() {
            return false;
        }
        self.left -= 1;
        match (self.play)(&smaller) {
            Some(fault) if fault.invariant == self.invariant => {
                self.best = smaller;
                self.fault = fault;
                true
            }
            _ => false,
        }
    }

    /// Leaves out parts of a list, large ones first.
    fn fewer<T: Clone + 'static>(&mut self, list: impl Fn(&mut World) -> Option<&mut Vec<T>> + Copy) {
        let length = |world: &World| list(&mut world.clone()).map_or(0, |list| list.len());
        let mut part = length(&self.best);
        while part > 0 {
            let mut from = 0;
            while from < length(&self.best) {
                let taken = self.offer(|world| {
                    if let Some(list) = list(world) {
                        list.drain(from..(from + part).min(list.len()));
                    }
                });
                if !taken {
                    from += part;
                }
            }
            part /= 2;
        }
    }

    fn steps(&mut self) {
        self.fewer(|world| Some(&mut world.steps));
        for index in 0..self.best.steps.len() {
            self.fewer(move |world| match world.steps.get_mut(index) {
                Some(Step::Run(run)) => Some(&mut run.mishaps),
                Some(Step::Deliver { mishaps, .. }) => Some(mishaps),
                _ => None,
            });
            self.offer(|world| {
                if let Step::Run(Run { kind, settles, .. }) = &mut world.steps[index] {
                    *kind = RunKind::Changes;
                    *settles = true;
                }
            });
        }
    }

    fn schema(&mut self) {
        self.fewer(|world| Some(&mut world.schema.triggers));
        self.offer(|world| world.schema.partitioned = false);
        for index in (0..self.best.schema.columns.len()).rev() {
            self.offer(|world| drop_column(world, index));
        }
        for index in 0..self.best.schema.columns.len() {
            self.offer(|world| world.schema.columns[index].not_null = false);
            self.offer(|world| world.schema.columns[index].unique = None);
            self.offer(|world| world.schema.columns[index].checked = false);
            self.offer(|world| world.schema.columns[index].has_default = false);
            self.offer(|world| world.schema.columns[index].kind = Kind::Text);
        }
        if self.best.schema.keys.len() > 1 {
            self.offer(drop_key);
        }
        self.offer(|world| world.schema.keys[0] = Kind::Text);
    }

    fn rows(&mut self) {
        self.fewer(|world| Some(&mut world.table));
        for tab in 0..self.best.tabs.len() {
            self.fewer(move |world| world.tabs.get_mut(tab));
        }
    }

    fn syncs(&mut self) {
        if self.best.syncs.len() > 1 {
            self.offer(|world| {
                world.syncs.pop();
                world.tabs.pop();
            });
        }
        for index in 0..self.best.syncs.len() {
            let plain: [fn(&mut SyncSpec); 9] = [
                |sync| sync.mode = Mode::Upsert,
                |sync| sync.database_wins = false,
                |sync| sync.guard = 20,
                |sync| sync.batch_rows = 7,
                |sync| sync.chunk_rows = 7,
                |sync| sync.key_as_text = false,
                |sync| sync.adopt = Adopt::Sheet,
                |sync| (sync.precedence, sync.confirm_deletes) = (0, 2),
                |sync| sync.rename_by = None,
            ];
            for make_plain in plain {
                self.offer(|world| make_plain(&mut world.syncs[index]));
            }
            for column in 0..self.best.syncs[index].columns.len() {
                self.offer(|world| {
                    world.syncs[index].columns[column] = Fed { authority: Authority::Merge, blank: Blank::Null };
                });
            }
        }
    }

    fn values(&mut self) {
        for tab in 0..self.best.tabs.len() {
            for row in 0..self.best.tabs[tab].len() {
                for cell in 0..self.best.tabs[tab][row].len() {
                    self.plainer(move |world| world.tabs.get_mut(tab)?.get_mut(row)?.get_mut(cell));
                }
            }
        }
        for step in 0..self.best.steps.len() {
            self.plainer(move |world| match world.steps.get_mut(step) {
                Some(Step::Sheet(_, Edit::Set { content, .. })) => Some(content),
                Some(Step::Run(run)) => run.mishaps.iter_mut().find_map(|mishap| match &mut mishap.what {
                    What::Edit(_, Edit::Set { content, .. }) => Some(content),
                    _ => None,
                }),
                _ => None,
            });
        }
    }

    fn plainer(&mut self, cell: impl Fn(&mut World) -> Option<&mut Content> + Copy) {
        let Some(content) = cell(&mut self.best.clone()).copied() else { return };
        let set = |content: Content| {
            move |world: &mut World| {
                if let Some(cell) = cell(world) {
                    *cell = content;
                }
            }
        };
        if let Content::Value(value, spelling) = content {
            let _ = self.offer(set(Content::Blank))
                || self.offer(set(Content::Value(0, 0)))
                || self.offer(set(Content::Value(value, 0)))
                || spelling > 1 && self.offer(set(Content::Value(value, 1)));
        }
    }
}

/// Leaves a column out everywhere. Steps that name columns mean others then; that is for the play to find out.
fn drop_column(world: &mut World, index: usize) {
    if world.schema.columns.len() < 2 {
        return;
    }
    let place = world.schema.keys.len() + index;
    world.schema.columns.remove(index);
    for sync in &mut world.syncs {
        if index < sync.columns.len() {
            sync.columns.remove(index);
        }
    }
    drop_cells(world, place);
}

fn drop_key(world: &mut World) {
    world.schema.keys.pop();
    drop_cells(world, 1);
}

fn drop_cells(world: &mut World, place: usize) {
    let rows = world.tabs.iter_mut().flatten().chain(&mut world.table);
    for row in rows.filter(|row| place < row.len()) {
        row.remove(place);
    }
    for step in &mut world.steps {
        if let Step::Sheet(_, Edit::Insert { cells, .. }) = step
            && place < cells.len()
        {
            cells.remove(place);
        }
    }
}
