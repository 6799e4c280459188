//! `latchkey-store audit`

use super::output::moment;
use super::{Context, Error, complete};
use crate::customer::CustomerCode;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::Value;

#[derive(Args)]
pub(super) struct Audit {
    /// Only this customer's changes
    #[arg(add = ArgValueCompleter::new(complete::customers))]
    code: Option<CustomerCode>,
    /// At most so many, the latest first
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

impl Audit {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let entries = context
            .repository
            .audit(self.code.as_ref(), self.limit)
            .await?;
        let headers = ["WHEN", "WHO", "WHAT", "CUSTOMER", "KEY", "BEFORE", "AFTER"];
        context.output.print_list(&entries, &headers, |entry| {
            vec![
                moment(Some(entry.at), "-"),
                entry.actor.clone(),
                entry.action.clone(),
                entry.customer.clone(),
                entry.key_id.clone().unwrap_or_else(|| "-".to_owned()),
                value(entry.before.as_ref()),
                value(entry.after.as_ref()),
            ]
        })
    }
}

fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "-".to_owned(), Value::to_string)
}
