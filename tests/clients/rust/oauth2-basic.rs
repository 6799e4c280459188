//! The crate `oauth2` sends the credentials with HTTP Basic.

use oauth2::basic::BasicClient;
use oauth2::{ClientId, ClientSecret, TokenResponse, TokenUrl, reqwest};
use std::time::{Duration, Instant};
use std::{env, error::Error, io};

const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn main() -> Result<(), Box<dyn Error>> {
    let client = BasicClient::new(ClientId::new(env::var("CLIENT_ID")?))
        .set_client_secret(ClientSecret::new(env::var("CLIENT_SECRET")?))
        .set_token_uri(TokenUrl::new(env::var("TOKEN_URL")?)?);
    let products = format!("{}/products", env::var("API_URL")?);
    // Following redirects would carry the credentials elsewhere.
    let http = reqwest::blocking::ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let mut token = String::new();
    let mut expires = Instant::now();

    // Reads the products each time Enter is pressed.
    for _ in io::stdin().lines() {
        if Instant::now() + FIVE_MINUTES >= expires {
            let answer = client.exchange_client_credentials().request(&http)?;
            expires = Instant::now() + answer.expires_in().unwrap_or_default();
            token = answer.access_token().secret().clone();
        }
        let response = http.get(&products).bearer_auth(&token).send()?;
        println!("{}", response.error_for_status()?.text()?);
    }
    Ok(())
}
