//! Mutants: the product with one fault put back, or one of its safeguards taken out. The worlds must find each of them, or
//! they look at the wrong things. Faults of the SQL are replacements of its text when it is loaded, each of which must match
//! exactly once; those of the Rust code are switches that only the feature `faults` compiles.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sheetsync::faults::Fault as Switch;
#[cfg(feature = "faults")]
use sheetsync::faults::switch;

use crate::draw::draw;
use crate::fault::Fault;
use crate::play::play;
use crate::postgres::{Postgres, Replacement};
use crate::table;

/// A product with one fault.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// What it is called in docs/FAULTS.md.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
    /// What is replaced in the SQL.
    pub replacements: &'static [Replacement],
    /// What is switched on in the Rust code.
    pub switch: Option<Switch>,
}

/// How a mutant was found.
#[derive(Debug)]
pub struct Found {
    /// So many worlds were played, that of the fault included.
    pub worlds: u64,
    /// How long that took.
    pub time: Duration,
    /// What it broke; `None`: it was not found.
    pub fault: Option<Fault>,
}

const fn sql(name: &'static str, what: &'static str, replacements: &'static [Replacement]) -> Mutant {
    Mutant { name, what, replacements, switch: None }
}

const fn rust(name: &'static str, what: &'static str, switch: Switch) -> Mutant {
    Mutant { name, what, replacements: &[], switch: Some(switch) }
}

const fn swap(from: &'static str, to: &'static str) -> Replacement {
    Replacement { from, to }
}

/// All mutants.
pub const MUTANTS: &[Mutant] = &[
    sql(
        "H1",
        "what a trigger raises is the row's only with SQLSTATEs that are known",
        &[swap(
            "        else true\n    end\n    from (\n        select strpos(p_context",
            "        else left(p_code, 2) in ('22', '23') or p_code = 'P0001'\n    end\n    from (\n        select strpos(p_context",
        )],
    ),
    sql(
        "H2",
        "uuid keys are compared letter by letter",
        &[swap(
            "when 'bpchar'::regtype then 'char'\n               when 'uuid'::regtype then 'uuid'",
            "when 'bpchar'::regtype then 'char'\n               when 'uuid'::regtype then 'text'",
        )],
    ),
    rust("H3", "a row whose key cannot be read keeps no row from being deleted", Switch::KeysUnreadable),
    rust("H4", "the tab's size is read before its version", Switch::GridFirst),
    sql(
        "H5",
        "a renamed row is deleted and inserted again",
        &[swap("where x.run = p_run and x.blocked_by = any (v_keys)", "where false and x.blocked_by = any (v_keys)")],
    ),
    rust("H6", "headers are bound once, with the first chunk", Switch::HeadersOnce),
    sql(
        "H7",
        "what another sync has is deleted",
        &[swap(
            "where o.table_name = p_target.table_name and o.sync <> p_target.sync\n      and (exists (select",
            "where false and o.table_name = p_target.table_name and o.sync <> p_target.sync\n      and (exists (select",
        )],
    ),
    sql(
        "M2",
        "a row that the mode leaves alone counts as applied",
        &[swap("d.act = 'claim' or d.act = 'skip' and d.differs or d.act", "d.act = 'claim' or d.act")],
    ),
    sql(
        "left out",
        "a row that update_only leaves out keeps no row from being deleted",
        &[swap(
            "where p_target.mode = 'update_only' and r.sync = p_target.sync",
            "where false and r.sync = p_target.sync",
        )],
    ),
    sql(
        "M3",
        "a first run overwrites what the table has",
        &[swap("'r', 'stored'), p_target.adopt, ", "'r', 'stored'), 'sheet'::text, ")],
    ),
    sql(
        "M4",
        "rows that wait for others are not tried again",
        &[
            swap("elsif not v_arranged and v_code in ('23505', '23503', '23P01') then", "elsif false then"),
            swap("where f.refusal -> 'retry' = 'true'", "where false"),
            swap(
                "exit when cardinality(v_from) = 0 and (v_is_last or p_kind <> 'upsert' or cardinality(v_waiting) = 0);",
                "exit when cardinality(v_from) = 0;",
            ),
        ],
    ),
    sql(
        "M5",
        "the base is what the sheet said, not what the table holds",
        &[swap(
            "then case when h.guarded[%1$s] is distinct from h.holds_%2$s then nullif(h.holds_%2$s, h.said[%1$s]) end'",
            "then null::bigint'",
        )],
    ),
    sql(
        "ledger",
        "a batch that comes again is applied again",
        &[
            swap(
                "where b.run = v_run and b.kind = v_kind and b.lo < v_hi and b.hi > v_lo and b.outcome in ('applied', 'withheld');",
                "where false;",
            ),
            swap("and not coalesce(p_covered @> int8range(b.lo, b.hi), false)", "and false"),
        ],
    ),
    sql(
        "superseding",
        "a batch of an older run is applied",
        &[swap("if v_target.run <> v_run or v_state.stopped or v_state.status = 'superseded' then", "if false then")],
    ),
    sql(
        "waiting deletes",
        "deletes do not wait for the upserts",
        &[swap(
            "if v_state.planned_at is null or v_state.rows_done < v_state.rows_sent then\n            return jsonb_build_object('outcome', 'waiting'",
            "if false then\n            return jsonb_build_object('outcome', 'waiting'",
        )],
    ),
    sql(
        "guard",
        "the guard forgets what was deleted before the run",
        &[swap(
            "and gone.before + greatest(run.keys_vanished, gone.this_run + p_keys)\n                 >",
            "and greatest(run.keys_vanished, gone.this_run + p_keys)\n                 >",
        )],
    ),
    sql(
        "keep",
        "a blank cell empties a column that keeps its value",
        &[swap(
            "then format('s.keep @> %L', c.ordinal) else 'false' end as keeps",
            "then 'false' else 'false' end as keeps",
        )],
    ),
    sql(
        "restore",
        "a row that people deleted comes back",
        &[swap("'t.ctid is not null and r.state = ''deleted'' and ' ||", "'t.ctid is not null and ' ||")],
    ),
    sql("confirm", "one read is enough to delete", &[swap("and (p_target.confirm_deletes = 1", "and (true")]),
    sql(
        "precedence",
        "a row that another sync feeds is written all the same",
        &[swap("o.sync is not null and o.precedence >= %1$s as is_claim", "false as is_claim")],
    ),
];

/// Whether the mutant can be played as this was compiled.
#[must_use]
pub fn is_playable(mutant: &Mutant) -> bool {
    mutant.switch.is_none() || cfg!(feature = "faults")
}

/// Plays worlds of a seed against a mutant until one is found, or the time is over. What the product breaks too does not count.
#[must_use]
pub fn hunt(mutant: &Mutant, seed: u64, time: Duration) -> Found {
    let prepared = |replacements| {
        let postgres = Arc::new(Postgres::start(replacements));
        table::prepare(&postgres);
        postgres
    };
    let (mutated, sound) = (prepared(mutant.replacements), prepared(&[]));
    let start = Instant::now();
    let mut worlds = 0;
    let mut fault = None;
    while fault.is_none() && start.elapsed() < time {
        let world = draw(seed, worlds);
        switch(mutant.switch);
        fault = play(&mutated, &world).fault;
        switch(None);
        fault = fault.filter(|_| play(&sound, &world).fault.is_none());
        worlds += 1;
    }
    Found { worlds, time: start.elapsed(), fault }
}

/// Nothing can be switched on without the feature.
#[cfg(not(feature = "faults"))]
fn switch(_: Option<Switch>) {}
