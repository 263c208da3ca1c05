//! Tasks of which somebody waits for what comes of them, and that can be ended.

use std::{future::Future, io};

use smtp_frontend::runtime::Runtime;
use tokio::sync::{mpsc, watch};

/// Tasks of one kind. They end when this is dropped: where they block, as soon as they look around.
#[derive(Debug)]
pub(crate) struct Tasks<T> {
    left: usize,
    done: mpsc::UnboundedReceiver<Option<T>>,
    tell: mpsc::UnboundedSender<Option<T>>,
    over: watch::Sender<()>,
}

/// Tells of the end of a task, even if it panics.
struct Ending<T> {
    output: Option<T>,
    tell: mpsc::UnboundedSender<Option<T>>,
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        // Perhaps nobody waits any longer.
        let _ = self.tell.send(self.output.take());
    }
}

impl<T: Send + 'static> Tasks<T> {
    pub(crate) fn new() -> Self {
        let (tell, done) = mpsc::unbounded_channel();
        Self { left: 0, done, tell, over: watch::Sender::new(()) }
    }

    /// Begins one.
    pub(crate) fn spawn<R: Runtime>(
        &mut self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<()> {
        let mut ending = Ending { output: None, tell: self.tell.clone() };
        let mut over = self.over.subscribe();
        self.left += 1;
        R::spawn(async move {
            tokio::select! {
                output = task => ending.output = Some(output),
                // When its sender is gone.
                _ = over.changed() => {}
            }
            drop(ending);
        })
    }

    /// What comes of the next that is over, which is nothing if it panicked; none when there is no other.
    pub(crate) async fn next(&mut self) -> Option<Option<T>> {
        if self.left == 0 {
            return None;
        }
        let done = self.done.recv().await;
        // Not before: who stops waiting has had none.
        self.left -= 1;
        done
    }

    /// Ends all, and waits until they have.
    pub(crate) async fn end(self) {
        let Self { mut done, tell, over, .. } = self;
        drop((tell, over));
        while done.recv().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use super::{
        super::{Blocking, Smol, System, Tokio},
        *,
    };

    fn end_as_they_should<R: System>() {
        R::run(async {
            let mut tasks = Tasks::new();
            assert!(tasks.next().await.is_none());
            for number in 0..3 {
                tasks.spawn::<R>(async move { number }).unwrap();
            }
            let mut done = [tasks.next().await, tasks.next().await, tasks.next().await]
                .map(|done| done.flatten().unwrap());
            done.sort_unstable();
            assert_eq!(done, [0, 1, 2]);
            assert!(tasks.next().await.is_none());
            // One that never ends by itself.
            tasks.spawn::<R>(std::future::pending()).unwrap();
            tasks.end().await;
        })
        .unwrap();
    }

    #[test]
    fn tasks_end_as_they_should() {
        end_as_they_should::<Tokio>();
        end_as_they_should::<Smol>();
        end_as_they_should::<Blocking>();
    }

    #[test]
    fn who_stops_waiting_misses_none() {
        Blocking::run(async {
            let mut tasks = Tasks::new();
            let (go, gone) = tokio::sync::oneshot::channel();
            tasks.spawn::<Blocking>(gone).unwrap();
            let mut next = Box::pin(tasks.next());
            let pending = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_pending())).await;
            assert!(pending);
            drop(next);
            go.send(42).unwrap();
            assert_eq!(tasks.next().await, Some(Some(Ok(42))));
            assert!(tasks.next().await.is_none());
        })
        .unwrap();
    }

    #[test]
    fn a_panic_is_told() {
        Blocking::run(async {
            let mut tasks = Tasks::new();
            tasks.spawn::<Blocking>(async { panic!("as the test asked for") }).unwrap();
            tasks.spawn::<Blocking>(async {}).unwrap();
            let ends = [tasks.next().await.unwrap(), tasks.next().await.unwrap()];
            assert!(ends.contains(&None) && ends.contains(&Some(())));
        })
        .unwrap();
    }
}
