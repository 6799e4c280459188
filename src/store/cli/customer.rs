//! `latchkey-store customer …`

use super::confirm::confirm;
use super::output::{day, moment};
use super::{Context, Error, complete, export, import};
use crate::customer::{Customer, CustomerCode, Scope};
use clap::Subcommand;
use clap_complete::engine::ArgValueCompleter;

/// How many customers are read at once. What is listed streams, so that a million take no memory.
const PAGE: i64 = 1000;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Add a customer, who has no key yet
    Add {
        /// The Customer Code, which the customer uses as client_id
        code: CustomerCode,
        /// What the customer's tokens may be used for, words separated by a space
        #[arg(long, default_value = "read")]
        scope: Scope,
    },
    /// List all customers
    List,
    /// Show one customer
    Show {
        /// The Customer Code
        #[arg(add = ArgValueCompleter::new(complete::customers))]
        code: CustomerCode,
    },
    /// Let a disabled customer in again, with the keys they had
    Enable {
        /// The Customer Code
        #[arg(add = ArgValueCompleter::new(complete::customers))]
        code: CustomerCode,
    },
    /// Refuse a customer's next token request, whatever the key; tokens already issued live out their hour
    Disable {
        /// The Customer Code
        #[arg(add = ArgValueCompleter::new(complete::customers))]
        code: CustomerCode,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Bring in customers and the hashes of their keys from a file, all or none
    Import(import::Import),
    /// Write all customers and the hashes of their keys to a file
    Export(export::Export),
    /// Replace a customer's whole scope, as of the next token request
    SetScope {
        /// The Customer Code
        #[arg(add = ArgValueCompleter::new(complete::customers))]
        code: CustomerCode,
        /// What the customer's tokens may be used for, words separated by a space
        scope: Scope,
        /// Do not ask when the new scope lacks something the old one had
        #[arg(long)]
        yes: bool,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let repository = &context.repository;
        match self {
            Self::Add { code, scope } => {
                let customer = repository
                    .add_customer(&code, &scope, &context.stamp())
                    .await?;
                context.output.print(&customer, || {
                    format!(
                        "Added customer {code} with scope \"{scope}\".\n\
                         Issue the first API Key with: latchkey-store key issue {code}"
                    )
                })
            }
            Self::List => list(context).await,
            Self::Show { code } => show(&repository.customer(&code).await?, context),
            Self::Enable { code } => {
                let stamp = context.stamp();
                show(&repository.set_enabled(&code, true, &stamp).await?, context)
            }
            Self::Disable { code, yes } => {
                if repository.customer(&code).await?.enabled {
                    confirm(&format!("Disable customer {code}, with all keys?"), yes)?;
                }
                let stamp = context.stamp();
                show(
                    &repository.set_enabled(&code, false, &stamp).await?,
                    context,
                )
            }
            Self::Import(import) => import.run(context).await,
            Self::Export(export) => export.run(context).await,
            Self::SetScope { code, scope, yes } => {
                let old = repository.customer(&code).await?.scope;
                if !old.is_within(&scope) {
                    let question =
                        format!("Replace scope \"{old}\" of customer {code} by \"{scope}\"?");
                    confirm(&question, yes)?;
                }
                let stamp = context.stamp();
                show(&repository.set_scope(&code, &scope, &stamp).await?, context)
            }
        }
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let headers = ["CUSTOMER", "STATE", "SCOPE", "CREATED", "LAST LOOKUP"];
    let mut list = context.output.list(&headers);
    let mut page = context.repository.customers(None, PAGE).await?;
    while let Some(last) = page.last() {
        list.page(&page, |customer| {
            vec![
                customer.code.to_string(),
                state(customer).to_owned(),
                customer.scope.to_string(),
                moment(Some(customer.created_at), "-"),
                day(customer.last_lookup_day),
            ]
        })?;
        page = context.repository.customers(Some(&last.code), PAGE).await?;
    }
    list.end()
}

fn show(customer: &Customer, context: &Context) -> Result<(), Error> {
    context.output.print(customer, || {
        let disabled = customer
            .disabled_at
            .map(|at| format!(" since {}", moment(Some(at), "")));
        format!(
            "Customer     {}\nState        {}{}\nScope        {}\nCreated      {}\nLast lookup  {}",
            customer.code,
            state(customer),
            disabled.unwrap_or_default(),
            customer.scope,
            moment(Some(customer.created_at), "-"),
            day(customer.last_lookup_day),
        )
    })
}

fn state(customer: &Customer) -> &'static str {
    if customer.enabled {
        "enabled"
    } else {
        "disabled"
    }
}
