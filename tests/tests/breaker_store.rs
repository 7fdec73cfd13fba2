//! The breaker's item in the real DynamoDB of the local stack: what the store writes is what the rules say.

use std::time::Duration;

use anyhow::{Context as _, Result};
use sheetsync::breaker::{
    Admission, Evidence, Failing, Item, Mode, Owner, Permit, Rule, SharedItem as _, State, Store,
};
use sheetsync::clock::Millis;
use sheetsync_local::Settings;

/// An item of a test's own.
async fn store() -> Result<Store> {
    let table = Settings::from_env()?.aws.context("this stack runs without AWS")?.control_table;
    let client = aws_sdk_dynamodb::Client::new(&aws_config::load_from_env().await);
    Ok(Store::new(&client, table, format!("test-{}", uuid::Uuid::new_v4())))
}

fn at(seconds: u64) -> Millis {
    Millis(1_700_000_000_000 + seconds * 1000)
}

fn failing() -> Failing {
    Failing { why: "no_answer".to_owned(), weight: 1, retry_after: None, is_certain: false }
}

/// Writes an update to the store and to memory, which must agree; gives the item after it.
async fn both(store: &Store, item: &Item, update: &sheetsync::breaker::Update) -> Result<Item> {
    let expected = item.apply(update)?;
    let written = store.write(update).await?.context("the store refused what memory takes")?;
    assert_eq!(written, expected, "{update:?}");
    assert_eq!(store.read().await?, expected);
    Ok(written)
}

/// What came of a call, written both ways.
async fn recorded(store: &Store, item: Item, permit: &Permit, evidence: &Evidence, now: Millis) -> Result<Item> {
    let rule = Rule::default();
    let update = item.weigh(permit, evidence, 1, now, &rule, 0.5).context("it counts")?;
    let item = both(store, &item, &update).await?;
    match item.transition(permit, evidence, now, &rule, 0.5) {
        Some(update) => both(store, &item, &update).await,
        None => Ok(item),
    }
}

#[tokio::test]
async fn outage_is_the_same_in_store_and_memory() -> Result<()> {
    let (store, rule) = (store().await?, Rule::default());
    let (failure, me) = (Evidence::Failure(failing()), Owner("me".to_owned()));
    let mut item = store.read().await?;
    assert_eq!(item, Item::default(), "no item has been written");
    let permit = Permit { epoch: 0, probe: None };
    // The same window, the next, and one after a pause.
    item = recorded(&store, item, &permit, &Evidence::Success, at(0)).await?;
    for second in [1, 11, 50, 51, 52, 60] {
        item = recorded(&store, item, &permit, &failure, at(second)).await?;
    }
    assert_eq!(item.state(), State::Closed, "only four in two windows");
    item = recorded(&store, item, &permit, &failure, at(61)).await?;
    assert_eq!(item.state(), State::Open);
    for round in 0..2 {
        let now = item.until().context("it is open")?;
        let Admission::Claim(claim) = item.admit(now, &me, &rule) else { panic!("{item:?}") };
        item = both(&store, &item, &claim).await?;
        let probe = Permit::probe(&item, me.clone());
        if round == 0 {
            item = recorded(&store, item, &probe, &failure, now).await?;
            assert_eq!(item.state(), State::Open);
        } else {
            for _ in 0..3 {
                item = recorded(&store, item, &probe, &Evidence::Success, now).await?;
            }
        }
    }
    assert_eq!((item.state(), item.opens_in_a_row), (State::Closed, 2));
    Ok(())
}

#[tokio::test]
async fn of_many_who_claim_the_probe_one_gets_it() -> Result<()> {
    let (store, rule) = (store().await?, Rule::default());
    let certain = Evidence::Failure(Failing { is_certain: true, ..failing() });
    let permit = Permit { epoch: 0, probe: None };
    let item = recorded(&store, Item::default(), &permit, &certain, at(0)).await?;
    let now = item.until().context("it is open")?.plus(Duration::from_secs(1));
    let claims = (0..20).map(|worker| {
        let (store, item, rule) = (store.clone(), item.clone(), rule.clone());
        tokio::spawn(async move {
            let Admission::Claim(claim) = item.admit(now, &Owner(worker.to_string()), &rule) else { return false };
            store.write(&claim).await.is_ok_and(|written| written.is_some())
        })
    });
    let mut won = 0;
    for claim in claims.collect::<Vec<_>>() {
        won += usize::from(claim.await?);
    }
    assert_eq!(won, 1);
    Ok(())
}

#[tokio::test]
async fn late_evidence_is_refused() -> Result<()> {
    let store = store().await?;
    let permit = Permit { epoch: 0, probe: None };
    let late = Item::default().weigh(&permit, &Evidence::Failure(failing()), 0, at(0), &Rule::default(), 0.5);
    let forced = store.force(Mode::ForceOpen, "ann", "maintenance").await?;
    assert_eq!((forced.mode(), forced.epoch), (Mode::ForceOpen, 1));
    assert_eq!(
        forced.command.as_ref().map(|command| (command.by.as_str(), command.why.as_str())),
        Some(("ann", "maintenance"))
    );
    assert_eq!(store.write(&late.context("it counted when it was seen")?).await?, None);
    assert_eq!(store.force(Mode::Auto, "ann", "done").await?.mode(), Mode::Auto);
    Ok(())
}
