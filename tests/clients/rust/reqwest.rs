//! `reqwest` alone: the token request is one POST of a form.

use reqwest::blocking::Client;
use serde_json::Value;
use std::time::{Duration, Instant};
use std::{env, error::Error, io};

const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn main() -> Result<(), Box<dyn Error>> {
    let products = format!("{}/products", env::var("API_URL")?);
    let http = Client::new();
    let mut token = String::new();
    let mut expires = Instant::now();

    // Reads the products each time Enter is pressed.
    for _ in io::stdin().lines() {
        if Instant::now() + FIVE_MINUTES >= expires {
            (token, expires) = new_token(&http)?;
        }
        let response = http.get(&products).bearer_auth(&token).send()?;
        println!("{}", response.error_for_status()?.text()?);
    }
    Ok(())
}

fn new_token(http: &Client) -> Result<(String, Instant), Box<dyn Error>> {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &env::var("CLIENT_ID")?),
        ("client_secret", &env::var("CLIENT_SECRET")?),
    ];
    let answer: Value = http
        .post(env::var("TOKEN_URL")?)
        .form(&form)
        .send()?
        .json()?;
    match (
        answer["access_token"].as_str(),
        answer["expires_in"].as_u64(),
    ) {
        (Some(token), Some(seconds)) => {
            let expires = Instant::now() + Duration::from_secs(seconds);
            Ok((token.to_owned(), expires))
        }
        _ => Err(format!("no token: {answer}").into()),
    }
}
