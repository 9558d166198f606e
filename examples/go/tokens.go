package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Refused is a "no" that may be shown to strangers.
type Refused struct {
	Status int
	Code   string
}

func (r Refused) Error() string { return r.Code }

var invalid = Refused{401, "invalid_token"}

// Metadata is what a service wants to know of the issuer.
type Metadata struct {
	Issuer         string `json:"issuer"`
	Keys           string `json:"jwks_uri"`
	Introspection  string `json:"introspection_endpoint"`
	RevocationFeed string `json:"revocation_feed_endpoint"`
}

// Claims are those that are looked at here.
type Claims struct {
	Issuer    string          `json:"iss"`
	Audience  audiences       `json:"aud"`
	Subject   string          `json:"sub"`
	Client    string          `json:"client_id"`
	Scope     string          `json:"scope"`
	ID        string          `json:"jti"`
	Session   string          `json:"sid"`
	Grant     string          `json:"gid"`
	Origins   []string        `json:"origins"`
	IssuedAt  int64           `json:"iat"`
	ExpiresAt int64           `json:"exp"`
	Bound     json.RawMessage `json:"cnf"`
}

// audiences are one text or a list of them.
type audiences []string

func (a *audiences) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = []string{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

var quick = &http.Client{Timeout: 5 * time.Second}

func fetchJSON(url string, into any) error {
	answer, err := quick.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return fmt.Errorf("%s answered %d", url, answer.StatusCode)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func fetchMetadata(issuer string) (metadata Metadata, err error) {
	if err = fetchJSON(issuer+"/.well-known/oauth-authorization-server", &metadata); err == nil && metadata.Issuer != issuer {
		err = fmt.Errorf("the metadata is that of %s", metadata.Issuer)
	}
	return
}

// Verifier says whether a token is good, and for this service.
type Verifier struct {
	metadata  Metadata
	audience  string
	lock      sync.Mutex
	keys      jose.JSONWebKeySet
	fetchedAt time.Time
}

// findKey asks the issuer again where the id is unknown, or the keys are old; at most once in 30 s.
func (v *Verifier) findKey(kid string) (*jose.JSONWebKey, error) {
	v.lock.Lock()
	defer v.lock.Unlock()
	age := time.Since(v.fetchedAt)
	if found := v.keys.Key(kid); len(found) == 1 && age < 5*time.Minute {
		return &found[0], nil
	}
	if len(v.keys.Keys) == 0 || age > 30*time.Second {
		var keys jose.JSONWebKeySet
		if err := fetchJSON(v.metadata.Keys, &keys); err == nil {
			v.keys, v.fetchedAt = keys, time.Now()
		} else if len(v.keys.Keys) == 0 {
			return nil, Refused{503, "temporarily_unavailable"}
		}
	}
	if found := v.keys.Key(kid); len(found) == 1 {
		return &found[0], nil
	}
	return nil, invalid
}

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}

// Verify gives the claims of a good token, and the id of the key that signed it.
func (v *Verifier) Verify(token string) (*Claims, string, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, "", invalid
	}
	header := signed.Signatures[0].Protected
	kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
	kind = strings.TrimPrefix(strings.ToLower(kind), "application/")
	if kind != "at+jwt" && kind != "gatehouse-identity+jwt" {
		return nil, "", invalid
	}
	key, err := v.findKey(header.KeyID)
	if err != nil {
		return nil, "", err
	}
	// The key says by which algorithm, never the token.
	if key.Algorithm != header.Algorithm {
		return nil, "", invalid
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return nil, "", invalid
	}
	var claims Claims
	if json.Unmarshal(payload, &claims) != nil {
		return nil, "", invalid
	}
	now := time.Now().Unix()
	// A token that is bound to a key proves nothing here: nobody checks the proof.
	if claims.Issuer != v.metadata.Issuer || !slices.Contains(claims.Audience, v.audience) ||
		now >= claims.ExpiresAt || claims.IssuedAt > now+10 || claims.Bound != nil {
		return nil, "", invalid
	}
	return &claims, header.KeyID, nil
}
