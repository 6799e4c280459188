//! `latchkey-store customer …`

use super::{Context, Error};
use crate::customer::{CustomerCode, Scope};
use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Add a customer, who has no key yet
    Add {
        /// The Customer Code, which customers use as client_id
        code: CustomerCode,
        /// What the customer's tokens may be used for, words separated by a space
        #[arg(long, default_value = "read")]
        scope: Scope,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        match self {
            Self::Add { code, scope } => {
                let customer = context
                    .repository
                    .add_customer(&code, &scope, &context.stamp)
                    .await?;
                context.output.print(&customer, || {
                    format!(
                        "Added customer {code} with scope \"{scope}\".\n\
                         Issue the first API Key with: latchkey-store key issue {code}"
                    )
                })
            }
        }
    }
}
