//! A pool of threads for work that computes: signature batches, hashing, execution. The async threads only wait.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::available_parallelism,
};

use tokio::sync::oneshot;

use crate::{Error, error::panic_message};

/// A rayon pool. Cheap to clone; the threads end with the last clone.
#[derive(Clone, Debug)]
pub struct ComputePool {
    pool: Arc<rayon::ThreadPool>,
    /// Whoever computes holds up its own thread meanwhile.
    in_step: bool,
}

impl ComputePool {
    /// Starts the threads; 0 means one per core.
    pub fn new(threads: usize) -> Result<Self, Error> {
        let threads = if threads > 0 { threads } else { available_parallelism().map_or(1, Into::into) };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("compute-{index}"))
            .build()
            .map_err(|source| Error::Threads { threads, source })?;
        Ok(Self { pool: Arc::new(pool), in_step: false })
    }

    /// For simulation: one thread, for which the caller's thread waits, so that results come in the order in which
    /// they were asked for.
    pub fn in_step() -> Result<Self, Error> {
        Ok(Self { in_step: true, ..Self::new(1)? })
    }

    /// Computes on the pool and gives the result; a panic becomes an error. Inside, rayon's parallel iterators
    /// use this pool. When the caller goes away the computation still ends, and its result is dropped.
    pub async fn run<R, F>(&self, compute: F) -> Result<R, Error>
    where
        R: Send + 'static,
        F: FnOnce() -> R + Send + 'static,
    {
        if self.in_step {
            let done = self.pool.install(|| catch_unwind(AssertUnwindSafe(compute)));
            return done.map_err(|payload| Error::Computation { message: panic_message(payload.as_ref()) });
        }
        let (answer, result) = oneshot::channel();
        let span = tracing::Span::current();
        self.pool.spawn(move || {
            let _ = answer.send(span.in_scope(|| catch_unwind(AssertUnwindSafe(compute))));
        });
        match result.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(payload)) => Err(Error::Computation { message: panic_message(payload.as_ref()) }),
            Err(_) => Err(Error::Computation { message: "its thread is gone".to_owned() }),
        }
    }

    /// The pool itself, for libraries that take one.
    pub fn pool(&self) -> &rayon::ThreadPool {
        &self.pool
    }

    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[tokio::test]
    async fn computes_on_its_own_threads() {
        let pool = ComputePool::new(2).unwrap();
        let name = pool.run(|| std::thread::current().name().map(str::to_owned)).await.unwrap();
        assert!(name.unwrap().starts_with("compute-"));
        let sum: u64 = pool.run(|| (0..1000u64).into_par_iter().sum()).await.unwrap();
        assert_eq!(sum, 499_500);
        assert_eq!(pool.threads(), 2);
    }

    #[tokio::test]
    async fn in_step_the_first_poll_gives_the_result() {
        let pool = ComputePool::in_step().unwrap();
        let mut sum = std::pin::pin!(pool.run(|| 3 + 4));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(matches!(sum.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(7))));
        let error = pool.run(|| -> u8 { panic!("bad") }).await.unwrap_err();
        assert!(matches!(&error, Error::Computation { message } if message == "bad"), "{error}");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_pool_goes_on() {
        let pool = ComputePool::new(1).unwrap();
        let error = pool.run(|| -> u8 { panic!("bad {}", 7) }).await.unwrap_err();
        assert!(matches!(&error, Error::Computation { message } if message == "bad 7"), "{error}");
        assert_eq!(pool.run(|| 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn by_default_there_is_a_thread_per_core() {
        assert_eq!(ComputePool::new(0).unwrap().threads(), available_parallelism().unwrap().get());
    }
}
