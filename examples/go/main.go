// A service in Go that checks Gatehouse's access tokens itself and follows what is revoked.
// Settings come from the environment: ISSUER, AUDIENCE, CLIENT_ID, CLIENT_SECRET, PORT.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// What would do: who shows no token is told no error (RFC 6750 section 3).
func challenge(code string) string {
	if code == "credentials_required" {
		return "Bearer"
	}
	return fmt.Sprintf(`Bearer error="%s"`, code)
}

func main() {
	issuer := setting("ISSUER", "http://localhost:8080")
	client := Client{setting("CLIENT_ID", "demo-service"), setting("CLIENT_SECRET", "demo-service-secret")}
	metadata, err := fetchMetadata(issuer)
	if err != nil {
		log.Fatal(err)
	}
	verifier := &Verifier{metadata: metadata, audience: setting("AUDIENCE", issuer)}
	revocations := NewRevocations(metadata.RevocationFeed, client)
	go revocations.Follow()

	check := func(authorization string) (*Claims, error) {
		scheme, token, _ := strings.Cut(authorization, " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return nil, Refused{401, "credentials_required"}
		}
		claims, kid, isIdentity, err := verifier.Verify(token)
		if err != nil {
			return nil, err
		}
		if revocations.IsRevoked(kid, claims) {
			return nil, Refused{401, "invalid_token"}
		}
		// Not current is not a yes: while the feed is lost, the issuer is asked about each token. It knows nothing of identities,
		// which the gateway has looked up itself, and which live for two minutes.
		if !revocations.IsCurrent() && !isIdentity {
			active, err := introspect(metadata.Introspection, client, token)
			if err != nil {
				return nil, Refused{503, "temporarily_unavailable"}
			}
			if !active {
				return nil, Refused{401, "invalid_token"}
			}
		}
		if !slices.Contains(strings.Fields(claims.Scope), "orders:read") {
			return nil, Refused{403, "insufficient_scope"}
		}
		return claims, nil
	}

	http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("content-type", "application/json")
		w.Header().Set("cache-control", "no-store")
		claims, err := check(r.Header.Get("authorization"))
		var refused Refused
		if errors.As(err, &refused) {
			if refused.Status != http.StatusServiceUnavailable {
				w.Header().Set("www-authenticate", challenge(refused.Code))
			}
			w.WriteHeader(refused.Status)
			json.NewEncoder(w).Encode(map[string]any{"error": refused.Code})
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"hello": claims.Subject, "live": revocations.IsCurrent()})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+setting("PORT", "4006"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}
