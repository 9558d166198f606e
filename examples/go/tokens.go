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
	metadata Metadata
	audience string
	asking   sync.Mutex // whoever holds it asks the issuer
	lock     sync.Mutex // of what follows
	keys     jose.JSONWebKeySet
	// When there was an answer, and when there was the last attempt.
	fetchedAt, askedAt time.Time
}

func (v *Verifier) known(kid string) (key *jose.JSONWebKey, any bool, age, sinceAsked time.Duration) {
	v.lock.Lock()
	defer v.lock.Unlock()
	if found := v.keys.Key(kid); len(found) == 1 {
		key = &found[0]
	}
	return key, len(v.keys.Keys) > 0, time.Since(v.fetchedAt), time.Since(v.askedAt)
}

// findKey uses a known key at once, and renews it behind the caller's back when it is old. An unknown one is asked for, at most once
// in 30 s however that ends: whoever waits here waits for one answer.
func (v *Verifier) findKey(kid string) (*jose.JSONWebKey, error) {
	const day = 24 * time.Hour
	key, _, age, sinceAsked := v.known(kid)
	if key != nil && age < day {
		if sinceAsked > 5*time.Minute && v.asking.TryLock() {
			go func() {
				defer v.asking.Unlock()
				v.ask()
			}()
		}
		return key, nil
	}
	v.asking.Lock()
	defer v.asking.Unlock()
	_, any, _, sinceAsked := v.known(kid)
	if sinceAsked > 30*time.Second || !any && sinceAsked > time.Second {
		v.ask()
	}
	key, _, age, _ = v.known(kid)
	if age > day {
		return nil, Refused{503, "temporarily_unavailable"}
	}
	if key == nil {
		return nil, invalid
	}
	return key, nil
}

// ask notes the attempt whatever comes of it; the keys at hand go on for a day.
func (v *Verifier) ask() {
	var keys jose.JSONWebKeySet
	err := fetchJSON(v.metadata.Keys, &keys)
	v.lock.Lock()
	defer v.lock.Unlock()
	v.askedAt = time.Now()
	if err == nil {
		v.keys, v.fetchedAt = keys, v.askedAt
	}
}

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}

const identityType = "gatehouse-identity+jwt"

// Verify gives the claims of a good token, the id of the key that signed it, and whether it is an identity of the gateway.
func (v *Verifier) Verify(token string) (*Claims, string, bool, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, "", false, invalid
	}
	header := signed.Signatures[0].Protected
	kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
	kind = strings.TrimPrefix(strings.ToLower(kind), "application/")
	if kind != "at+jwt" && kind != identityType {
		return nil, "", false, invalid
	}
	key, err := v.findKey(header.KeyID)
	if err != nil {
		return nil, "", false, err
	}
	// The key says by which algorithm, never the token.
	if key.Algorithm != header.Algorithm {
		return nil, "", false, invalid
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return nil, "", false, invalid
	}
	var claims Claims
	if json.Unmarshal(payload, &claims) != nil {
		return nil, "", false, invalid
	}
	now := time.Now().Unix()
	// A token that is bound to a key proves nothing here: nobody checks the proof.
	if claims.Issuer != v.metadata.Issuer || !slices.Contains(claims.Audience, v.audience) ||
		now >= claims.ExpiresAt || claims.IssuedAt > now+60 || claims.Bound != nil {
		return nil, "", false, invalid
	}
	return &claims, header.KeyID, kind == identityType, nil
}
