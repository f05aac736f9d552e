//! An issuer's desk: its account, made or found on disk, and one order at a time. An account is written before it is
//! used; a certificate is shown before it is written, so that a disk that hangs hides none.

use super::disk;
use super::order::{Failure, Issued, obtain};
use super::web::{PutOff, Web};
use crate::certs::Tokens;
use crate::control::diagnostics::tell;
use crate::table::Resolver;
use crate::table::acme::{Issuer, Order};
use instant_acme::{Account, AccountCredentials, Error, ExternalAccountKey, NewAccount};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// All of an order at most.
const TIME: Duration = Duration::from_secs(300);

/// A file is waited for this long at most.
const WRITE: Duration = Duration::from_secs(10);

/// The desk of one issuer.
pub struct Desk {
    issuer: Arc<Issuer>,
    rule: Resolver,
    put_off: PutOff,
    account: Mutex<Option<Account>>,
    /// Held by whoever reads a disk that hangs: each such reading takes a thread.
    pub reading: Mutex<()>,
}

impl Desk {
    /// That of `issuer`, whose host is looked up as `rule` says.
    pub fn new(issuer: Arc<Issuer>, rule: Resolver) -> Desk {
        Desk { issuer, rule, put_off: PutOff::default(), account: Mutex::new(None), reading: Mutex::new(()) }
    }

    /// Whether it is for this one.
    pub fn is_of(&self, issuer: &Arc<Issuer>, rule: &Resolver) -> bool {
        Arc::ptr_eq(&self.issuer, issuer) && self.rule == *rule
    }

    /// Obtains a certificate, has handshakes show it and writes it down.
    ///
    /// # Errors
    /// Why there is none, and for how long the issuer puts us off.
    pub async fn serve(
        &self,
        order: &Order,
        tokens: Option<&Arc<Tokens>>,
    ) -> Result<(), (Failure, Option<Duration>)> {
        let Issued { identity, pem } = self.issued(order, tokens).await?;
        let path = order.file();
        order.obtained.show(identity, &path);
        // A certificate that cannot be kept serves all the same.
        keep(path, pem.into_bytes()).await;
        Ok(())
    }

    /// Obtains a certificate once it is this order's turn.
    async fn issued(
        &self,
        order: &Order,
        tokens: Option<&Arc<Tokens>>,
    ) -> Result<Issued, (Failure, Option<Duration>)> {
        let mut account = self.account.lock().await;
        let _ = self.put_off.take();
        self.can_keep().await.map_err(|failure| (failure, None))?;
        let served = timeout(TIME, async {
            let known = match account.take() {
                Some(known) => known,
                None => self.account().await?,
            };
            let mut issued = obtain(&known, order, tokens).await;
            let mut known = known;
            if matches!(&issued, Err(failure) if failure.is_of_no_account()) {
                self.forget().await?;
                known = self.make().await?;
                issued = obtain(&known, order, tokens).await;
            }
            *account = Some(known);
            issued
        });
        let served = served
            .await
            .unwrap_or_else(|_| Err(Failure::refused(format!("the order took longer than {TIME:?}"))));
        served.map_err(|failure| (failure, self.put_off.take()))
    }

    /// Whether what is obtained could be written down. Else each start would obtain it anew, and issuers count that.
    async fn can_keep(&self) -> Result<(), Failure> {
        let folder = self.issuer.folder.clone();
        let tried = written(WRITE, move || disk::try_out(&folder)).await;
        tried.map_err(|why| {
            let folder = self.issuer.folder.display();
            Failure::unanswered(format!("'{folder}' {why}; nothing is ordered that could not be kept"))
        })
    }

    fn file(&self) -> PathBuf {
        self.issuer.folder.join("account.json")
    }

    fn web(&self) -> Box<Web> {
        Box::new(Web::new(self.issuer.terms.clone(), self.rule.clone(), self.put_off.clone()))
    }

    /// The account that is kept, or a new one.
    async fn account(&self) -> Result<Account, Failure> {
        let path = self.file();
        let kept = {
            let path = path.clone();
            spawn_blocking(move || disk::read(&path))
                .await
                .map_err(|error| Failure::unanswered(error.to_string()))?
        };
        let kept = kept.map_err(|why| {
            // Never made anew where there may be one: a disk that is away comes back.
            Failure::unanswered(format!("'{}' {why}", path.display()))
        })?;
        let credentials = kept.map(|bytes| serde_json::from_slice::<AccountCredentials>(&bytes));
        match credentials {
            Some(Ok(credentials)) => {
                let found = Account::builder_with_http(self.web()).from_credentials(credentials).await;
                match found {
                    Ok(account) => return Ok(account),
                    Err(error @ (Error::KeyRejected | Error::Crypto)) => {
                        set_aside(path, format!("holds no key: {error}")).await?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Some(Err(error)) => set_aside(path, format!("is not an account: {error}")).await?,
            None => {}
        }
        self.make().await
    }

    async fn make(&self) -> Result<Account, Failure> {
        let Issuer { name, directory, contact, external, .. } = &*self.issuer;
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let external =
            external.as_ref().map(|external| ExternalAccountKey::new(external.kid.clone(), &external.key));
        let made = Account::builder_with_http(self.web()).create(&new, directory.clone(), external.as_ref());
        let (account, credentials) = made.await?;
        let text =
            serde_json::to_vec_pretty(&credentials).map_err(|error| Failure::refused(error.to_string()))?;
        keep(self.file(), text).await;
        let id = account.id();
        tell!(AcmeAccount, { issuer = name, account = id }, "issuer {name} has a new account for us: {id}");
        Ok(account)
    }

    async fn forget(&self) -> Result<(), Failure> {
        set_aside(self.file(), "is of an account that the issuer does not know".to_owned()).await
    }
}

/// Writes a file, and says so where that fails or takes long.
async fn keep(path: PathBuf, bytes: Vec<u8>) {
    let file = path.display().to_string();
    if let Err(error) = written(WRITE, move || disk::write(&path, &bytes)).await {
        tell!(AcmeStorage, { file, error }, "'{file}' {error}; what it was to hold is lost with the next restart");
    }
}

/// What came of writing, which is waited for this long.
async fn written(
    time: Duration,
    write: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Result<(), String> {
    match timeout(time, spawn_blocking(write)).await {
        Ok(written) => written.unwrap_or_else(|error| Err(error.to_string())),
        Err(_) => Err(format!("is not written within {time:?}")),
    }
}

/// Moves a file out of the way that cannot be used, and says so.
pub async fn set_aside(path: PathBuf, why: String) -> Result<(), Failure> {
    let file = path.display().to_string();
    let moved = spawn_blocking(move || disk::set_aside(&path)).await;
    match moved.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(aside) => {
            let aside = aside.display();
            tell!(AcmeStorage, { file, error = why }, "'{file}' {why}; it is kept as '{aside}'");
            Ok(())
        }
        Err(error) => {
            tell!(AcmeStorage, { file, error }, "'{file}' {why}, and {error}");
            Err(Failure::unanswered(format!("'{file}' {why}, and {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_write_that_hangs_is_waited_for_so_long_and_no_longer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("is built");
        let (release, hangs) = channel::<()>();
        let time = Duration::from_millis(50);
        let write = move || hangs.recv().map_err(|error| error.to_string());
        let told = runtime.block_on(written(time, write));
        assert_eq!(told, Err("is not written within 50ms".to_owned()));
        drop(release);
        assert_eq!(runtime.block_on(written(WRITE, || Ok(()))), Ok(()));
        assert_eq!(runtime.block_on(written(WRITE, || Err("is full".into()))), Err("is full".to_owned()));
    }
}
