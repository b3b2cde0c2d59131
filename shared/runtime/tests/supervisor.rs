//! Parts that end, fail, panic or hang, and what the process makes of it.

use std::{
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use hutong_runtime::{
    Clock as _, Context, Error, Health, ManualClock, Shutdown, Supervisor, SystemClock,
    health::State,
    supervisor::{Backoff, Grace},
};

const GRACE: Grace = Grace { drain: Duration::from_secs(20), stop: Duration::from_secs(20) };

fn supervisor() -> (Supervisor, Shutdown, Health) {
    let (shutdown, health) = (Shutdown::new(), Health::new());
    (Supervisor::new(shutdown.clone(), health.clone(), SystemClock::shared()), shutdown, health)
}

async fn until_drained(context: Context) -> Result<(), io::Error> {
    context.health.ready();
    context.shutdown.draining().await;
    Ok(())
}

#[tokio::test]
async fn parts_that_end_in_the_drain_end_well() {
    let (supervisor, shutdown, health) = supervisor();
    supervisor.spawn("ordering", until_drained);
    supervisor.spawn("storage", until_drained);
    assert!(!health.is_ready());
    while !health.is_ready() {
        tokio::task::yield_now().await;
    }
    shutdown.drain();
    supervisor.wait(GRACE).await.unwrap();
}

#[tokio::test]
async fn an_essential_part_that_ends_takes_the_process_with_it() {
    let (supervisor, _, health) = supervisor();
    supervisor.spawn("storage", until_drained);
    supervisor.spawn("ordering", |_| async { Ok::<(), io::Error>(()) });
    let error = supervisor.wait(GRACE).await.unwrap_err();
    assert!(matches!(&error, Error::Ended { name } if name == "ordering"), "{error}");
    assert!(!health.is_alive());
}

#[tokio::test]
async fn a_failure_and_a_panic_say_why() {
    let (supervisor, _, health) = supervisor();
    supervisor.spawn("storage", |_| async { Err(io::Error::other("the disk is full")) });
    let error = supervisor.wait(GRACE).await.unwrap_err();
    assert!(matches!(&error, Error::Failed { name, .. } if name == "storage"), "{error}");
    assert_eq!(
        health.component("storage").state(),
        State::Failed { why: "storage failed: the disk is full".into() }
    );

    let (supervisor, ..) = self::supervisor();
    supervisor.spawn("validation", |_| async {
        panic!("a header");
        #[expect(unreachable_code, reason = "gives the part its type")]
        Ok::<(), io::Error>(())
    });
    let error = supervisor.wait(GRACE).await.unwrap_err();
    assert!(matches!(&error, Error::Panicked { message, .. } if message == "a header"), "{error}");
}

#[tokio::test]
async fn a_part_that_hangs_is_cut_off_and_named() {
    let (supervisor, shutdown, _) = supervisor();
    supervisor.spawn("notification", |_| async {
        pending::<()>().await;
        Ok::<(), io::Error>(())
    });
    shutdown.drain();
    let grace = Grace { drain: Duration::from_millis(5), stop: Duration::from_millis(5) };
    let error = supervisor.wait(grace).await.unwrap_err();
    assert!(matches!(&error, Error::Stuck { name, .. } if name == "notification"), "{error}");
}

#[tokio::test]
async fn what_does_not_drain_in_time_is_told_to_stop() {
    let (supervisor, shutdown, _) = supervisor();
    supervisor.spawn("events", |context: Context| async move {
        context.shutdown.stopping().await;
        Ok::<(), io::Error>(())
    });
    shutdown.drain();
    supervisor.wait(Grace { drain: Duration::from_millis(5), ..GRACE }).await.unwrap();
}

#[tokio::test]
async fn a_restartable_part_comes_back_after_growing_pauses() {
    let (shutdown, health, clock) = (Shutdown::new(), Health::new(), ManualClock::at(0));
    let supervisor = Supervisor::new(shutdown.clone(), health.clone(), Arc::new(clock.clone()));
    let attempts = Arc::new(AtomicU32::new(0));
    let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_millis(300) };
    supervisor.spawn_restarting("bus", backoff, {
        let attempts = attempts.clone();
        move |context: Context| {
            let attempt = attempts.fetch_add(1, Ordering::SeqCst);
            async move {
                match attempt {
                    0 => Err(io::Error::other("no broker")),
                    1 => panic!("bad broker"),
                    2 | 3 => Ok(()),
                    _ => until_drained(context).await,
                }
            }
        }
    });
    for (attempt, pause_ms) in [(1, 100), (2, 200), (3, 300), (4, 300)] {
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(attempts.load(Ordering::SeqCst), attempt);
        assert!(!health.is_alive());
        clock.advance(Duration::from_millis(pause_ms - 1));
        tokio::task::yield_now().await;
        assert_eq!(attempts.load(Ordering::SeqCst), attempt, "not before its pause is over");
        clock.advance(Duration::from_millis(1));
        while attempts.load(Ordering::SeqCst) == attempt {
            tokio::task::yield_now().await;
        }
    }
    while !health.is_ready() {
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.monotonic(), Duration::from_millis(900));
    shutdown.drain();
    supervisor.wait(GRACE).await.unwrap();
}

#[tokio::test]
async fn a_drain_ends_the_pause_before_a_restart() {
    let (shutdown, clock) = (Shutdown::new(), ManualClock::at(0));
    let supervisor = Supervisor::new(shutdown.clone(), Health::new(), Arc::new(clock.clone()));
    supervisor.spawn_restarting("bus", Backoff::default(), |_| async { Err(io::Error::other("no broker")) });
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    shutdown.drain();
    supervisor.wait(GRACE).await.unwrap();
}
