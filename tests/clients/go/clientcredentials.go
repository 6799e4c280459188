// golang.org/x/oauth2/clientcredentials renews the token by itself, ten seconds before it expires.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	config := clientcredentials.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		TokenURL:     os.Getenv("TOKEN_URL"),
	}
	api := config.Client(context.Background())

	// Reads the products each time Enter is pressed.
	for enter := bufio.NewScanner(os.Stdin); enter.Scan(); {
		response, err := api.Get(os.Getenv("API_URL") + "/products")
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			log.Fatal(response.Status, " ", err)
		}
		fmt.Println(string(body))
	}
}
