//! The breaker as a model: three workers with clocks that disagree, one shared item, a destination that fails and recovers,
//! an operator who sets the mode. The rules and the conditional writes are the product's own ([`sheetsync::breaker`]); the model
//! adds who does what when, and can take one clause out of one kind of write.
//!
//! A worker's steps are as far apart as anything can come between: it reads the item, claims, calls, knows the outcome, and
//! writes it, however late. It may die at any of them.

use std::time::Duration;

use sheetsync::breaker::{
    Admission, Change, Circuit, Clause, Command, Evidence, Failing, Item, Mode, Owner, Permit, Rule, State, Update,
};
use sheetsync::clock::Millis;
use stateright::{Model, Property};

/// Half of the open time is certain, the rest is jitter: models take all of it.
const JITTER: f64 = 1.0;

/// A clause of one kind of write, to be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Without {
    /// The epoch in the writes that count failures.
    EpochOfCounts,
    /// The epoch in the write that opens a closed circuit.
    EpochOfTrip,
    /// The epoch in the claim of the probe.
    EpochOfClaim,
    /// The epoch in the probe's own writes.
    EpochOfProbe,
    /// The owner in the probe's own writes.
    OwnerOfProbe,
    /// Both of these.
    EpochAndOwnerOfProbe,
    /// That a claim must have ended before the next.
    LeaseOver,
}

/// What a model is made of.
#[derive(Debug, Clone)]
pub struct BreakerModel {
    /// How many workers there are; their clocks are one unit behind, right, and one unit ahead.
    pub workers: usize,
    /// The numbers of the rules.
    pub rule: Rule,
    /// How far the clock goes.
    pub last_tick: u64,
    /// How many calls are begun.
    pub calls: u8,
    /// How many workers die.
    pub crashes: u8,
    /// How many commands an operator gives.
    pub commands: u8,
    /// How often a person deletes the item to begin afresh, so that epochs come again.
    pub resets: u8,
    /// The clauses that are taken out.
    pub without: Option<Without>,
}

impl Default for BreakerModel {
    fn default() -> Self {
        Self {
            workers: 3,
            rule: Rule {
                window: Duration::from_millis(100),
                failures: 2,
                first_open: Duration::from_millis(1),
                longest_open: Duration::from_millis(2),
                longest_retry_after: Duration::from_millis(2),
                patient_retry_after: Duration::from_millis(1),
                calm: Duration::from_millis(100),
                probe_calls: 2,
                lease: Duration::from_millis(2),
            },
            last_tick: 4,
            calls: 4,
            crashes: 0,
            commands: 0,
            resets: 0,
            without: None,
        }
    }
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    now: u64,
    item: Item,
    is_down: bool,
    workers: Vec<Worker>,
    calls: u8,
    crashes: u8,
    commands: u8,
    resets: u8,
    claims: u8,
    wrong: Option<Wrong>,
}

/// What one worker is doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    Claiming { update: Update, owner: Owner, mode: Mode },
    Calling { permit: Permit, read: Item },
    Recording { permit: Permit, evidence: Evidence, update: Update },
}

/// What must never happen, noted when it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A write was accepted whose evidence is older than the last transition.
    StaleEvidence,
    /// Another worker's evidence ended a probe.
    ForeignProbe,
    /// The probe was claimed while another's lease ran.
    TwoProbes,
    /// A call began, or the circuit changed by itself, against an operator's command.
    AgainstCommands,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Time passes.
    Tick,
    /// The destination comes back.
    Recover,
    /// A worker reads the item and asks whether it may call.
    Ask(usize),
    /// Its claim reaches the item.
    Claim(usize),
    /// It knows what came of its call.
    Know(usize),
    /// What came of it reaches the item.
    Record(usize),
    /// It dies.
    Crash(usize),
    /// An operator sets the mode.
    SetMode(Mode),
    /// A person deletes the item.
    Reset,
}

impl BreakerModel {
    fn clock(&self, world: &World, worker: usize) -> Millis {
        // One behind, one right, one ahead; no clock is below zero.
        Millis(1 + world.now + worker as u64 % 3)
    }

    /// The update without the clause that is taken out.
    fn weakened(&self, mut update: Update) -> Update {
        let is_probes = update.condition.iter().any(|clause| matches!(clause, Clause::Owner(_)));
        let takes = |clause: &Clause| match (self.without, clause, &update.change) {
            (Some(Without::EpochOfCounts), Clause::Epoch(_), Change::Count(_)) => true,
            (Some(Without::EpochOfTrip), Clause::Epoch(_), Change::Open { .. }) => !is_probes,
            (Some(Without::EpochOfClaim), Clause::Epoch(_), Change::Claim { .. }) => true,
            (Some(Without::EpochOfProbe), Clause::Epoch(_), _) => is_probes,
            (Some(Without::OwnerOfProbe), Clause::Owner(_), _) => is_probes,
            (Some(Without::EpochAndOwnerOfProbe), Clause::Epoch(_) | Clause::Owner(_), _) => is_probes,
            (Some(Without::LeaseOver), Clause::LeaseOver(_), _) => true,
            _ => false,
        };
        let kept = update.condition.iter().filter(|clause| !takes(clause)).cloned().collect();
        update.condition = kept;
        update
    }

    fn ask(&self, world: &mut World, worker: usize) -> bool {
        if world.calls >= self.calls {
            return false;
        }
        // A claim has a number of its own.
        let owner = Owner(format!("{worker}.{}", world.claims));
        match world.item.admit(self.clock(world, worker), &owner, &self.rule) {
            Admission::Refused { .. } => return false,
            Admission::Granted(permit) => {
                world.workers[worker] = Worker::Calling { permit, read: world.item.clone() };
                world.calls += 1;
            }
            Admission::Claim(update) => {
                world.claims += 1;
                world.calls += 1;
                let update = self.weakened(update);
                world.workers[worker] = Worker::Claiming { update, owner, mode: world.item.mode };
            }
        }
        true
    }

    fn claim(&self, world: &mut World, worker: usize) {
        let Worker::Claiming { update, owner, .. } = std::mem::replace(&mut world.workers[worker], Worker::Idle) else {
            return;
        };
        let Ok(item) = world.item.apply(&update) else { return };
        let now = self.clock(world, worker);
        if let Circuit::HalfOpen { lease, .. } = &world.item.circuit
            && *lease > now
        {
            world.wrong = Some(Wrong::TwoProbes);
        }
        if world.item.mode == Mode::ForceOpen {
            world.wrong = Some(Wrong::AgainstCommands);
        }
        world.item = item;
        world.workers[worker] = Worker::Calling { permit: Permit::probe(&world.item, owner), read: world.item.clone() };
    }

    fn know(&self, world: &mut World, worker: usize) {
        let Worker::Calling { permit, read } = std::mem::replace(&mut world.workers[worker], Worker::Idle) else {
            return;
        };
        let evidence = if world.is_down {
            Evidence::Failure(Failing { why: "no_answer".to_owned(), weight: 1, retry_after: None, is_certain: false })
        } else {
            Evidence::Success
        };
        let successes = 0;
        // Nothing is written on the healthy path.
        if permit.probe.is_none() && evidence == Evidence::Success {
            return;
        }
        let now = self.clock(world, worker);
        if let Some(update) = read.weigh(&permit, &evidence, successes, now, &self.rule, JITTER) {
            world.workers[worker] = Worker::Recording { permit, evidence, update: self.weakened(update) };
        }
    }

    fn record(&self, world: &mut World, worker: usize) {
        let Worker::Recording { permit, evidence, update } =
            std::mem::replace(&mut world.workers[worker], Worker::Idle)
        else {
            return;
        };
        let Ok(item) = world.item.apply(&update) else { return };
        self.judge(world, &permit, &update);
        world.item = item;
        let now = self.clock(world, worker);
        if let Some(next) = world.item.transition(&permit, &evidence, now, &self.rule, JITTER) {
            world.workers[worker] = Worker::Recording { permit, evidence, update: self.weakened(next) };
        } else if permit.probe.is_some() && matches!(update.change, Change::ProbeSucceeded { .. }) {
            world.workers[worker] = Worker::Calling { permit, read: world.item.clone() };
        }
    }

    /// Notes what is wrong with a write that was accepted.
    fn judge(&self, world: &mut World, permit: &Permit, update: &Update) {
        if permit.epoch != world.item.epoch {
            world.wrong = Some(Wrong::StaleEvidence);
        }
        if let Some(owner) = &permit.probe {
            let is_ours = matches!(&world.item.circuit, Circuit::HalfOpen { owner: current, .. } if current == owner);
            if !is_ours {
                world.wrong = Some(Wrong::ForeignProbe);
            }
        }
        let moves = matches!(update.change, Change::Open { .. } | Change::Close { .. });
        if moves && permit.probe.is_none() && world.item.mode != Mode::Auto {
            world.wrong = Some(Wrong::AgainstCommands);
        }
    }

    /// Whether a healthy destination is found to be healthy again, when every worker of now is dead and one new worker
    /// does its work.
    fn closes(&self, world: &World) -> bool {
        let mut world =
            World { is_down: false, workers: vec![Worker::Idle; self.workers], calls: 0, wrong: None, ..world.clone() };
        let model = Self { calls: u8::MAX, ..self.clone() };
        for _ in 0..40 {
            if world.item.state() == State::Closed {
                return true;
            }
            match world.workers[0] {
                Worker::Idle => {
                    if !model.ask(&mut world, 0) {
                        world.now += 1;
                    }
                }
                Worker::Claiming { .. } => model.claim(&mut world, 0),
                Worker::Calling { .. } => model.know(&mut world, 0),
                Worker::Recording { .. } => model.record(&mut world, 0),
            }
        }
        false
    }
}

impl Model for BreakerModel {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            now: 0,
            item: Item::default(),
            is_down: true,
            workers: vec![Worker::Idle; self.workers],
            calls: 0,
            crashes: 0,
            commands: 0,
            resets: 0,
            claims: 0,
            wrong: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.wrong.is_some() {
            return;
        }
        if world.now < self.last_tick {
            steps.push(Step::Tick);
        }
        if world.is_down {
            steps.push(Step::Recover);
        }
        for (number, worker) in world.workers.iter().enumerate() {
            steps.push(match worker {
                Worker::Idle => Step::Ask(number),
                Worker::Claiming { .. } => Step::Claim(number),
                Worker::Calling { .. } => Step::Know(number),
                Worker::Recording { .. } => Step::Record(number),
            });
            if world.crashes < self.crashes && *worker != Worker::Idle {
                steps.push(Step::Crash(number));
            }
        }
        if world.commands < self.commands {
            steps.extend([Mode::Auto, Mode::ForceOpen, Mode::ForceClosed].map(Step::SetMode));
        }
        if world.resets < self.resets && world.item.state() != State::Closed {
            steps.push(Step::Reset);
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Tick => world.now += 1,
            Step::Recover => world.is_down = false,
            Step::Ask(worker) => {
                if !self.ask(&mut world, worker) {
                    return None;
                }
            }
            Step::Claim(worker) => self.claim(&mut world, worker),
            Step::Know(worker) => self.know(&mut world, worker),
            Step::Record(worker) => self.record(&mut world, worker),
            Step::Crash(worker) => {
                world.crashes += 1;
                world.workers[worker] = Worker::Idle;
            }
            Step::SetMode(mode) => {
                if mode == world.item.mode {
                    return None;
                }
                world.commands += 1;
                let command = Command { by: String::new(), why: String::new(), at: Millis(1 + world.now) };
                world.item = world.item.apply(&world.item.force(mode, command)).ok()?;
            }
            Step::Reset => {
                world.resets += 1;
                world.item = Item::default();
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_PROBE, |_, world: &World| world.wrong != Some(Wrong::TwoProbes)),
            Property::always(OWN_PROBE, |_, world: &World| world.wrong != Some(Wrong::ForeignProbe)),
            Property::always(COMMANDS, |_, world: &World| world.wrong != Some(Wrong::AgainstCommands)),
            Property::always(PROGRESS, |model: &Self, world: &World| {
                world.item.mode != Mode::Auto || world.wrong.is_some() || model.closes(world)
            }),
            // That the model goes where these matter.
            Property::sometimes("a probe closes the circuit", |_, world: &World| world.item.closed_at.is_some()),
        ];
        // A repeated epoch proves nothing; a person who deletes the item accepts that.
        if self.resets == 0 {
            properties.push(Property::always(FRESH, |_, world: &World| world.wrong != Some(Wrong::StaleEvidence)));
        }
        properties
    }
}

/// At most one live probe.
pub const ONE_PROBE: &str = "no worker claims the probe while another's lease runs";
/// An open circuit is not closed by another worker's evidence.
pub const OWN_PROBE: &str = "only the prober's evidence ends a probe";
/// No transition on stale evidence.
pub const FRESH: &str = "no write is accepted whose evidence is older than the last transition";
/// Forced modes are respected.
pub const COMMANDS: &str = "commands are respected";
/// Progress after recovery.
pub const PROGRESS: &str = "after the destination came back, one worker suffices to close the circuit";
