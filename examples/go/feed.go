package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const lostAfter = 15 * time.Second

// Client is what the service proves itself by.
type Client struct{ ID, Secret string }

func (c Client) sign(request *http.Request) {
	request.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
}

// introspect asks the issuer about one token. Nobody who can be asked is not a yes.
func introspect(endpoint string, client Client, token string) (bool, error) {
	request, err := http.NewRequest("POST", endpoint, strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return false, err
	}
	request.Header.Set("content-type", "application/x-www-form-urlencoded")
	client.sign(request)
	answer, err := quick.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	var said struct {
		Active *bool `json:"active"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != 200 || said.Active == nil {
		return false, fmt.Errorf("introspection answered %d", answer.StatusCode)
	}
	return *said.Active, nil
}

type mark struct{ issuedBefore, expiresAt int64 }

// Revocations is what is revoked, followed as it happens. The rules are in docs/guides/checking-tokens.md.
type Revocations struct {
	url     string
	client  Client
	lock    sync.RWMutex
	marks   map[string]map[string]mark
	lastID  string
	heardAt time.Time
}

// NewRevocations begins with nothing, and is not current.
func NewRevocations(url string, client Client) *Revocations {
	marks := map[string]map[string]mark{}
	for _, kind := range []string{"jti", "sid", "gid", "client", "sub", "kid"} {
		marks[kind] = map[string]mark{}
	}
	return &Revocations{url: url, client: client, marks: marks}
}

// IsCurrent says whether everything was told and something has come within the bound.
func (r *Revocations) IsCurrent() bool {
	r.lock.RLock()
	defer r.lock.RUnlock()
	silence := time.Since(r.heardAt)
	return silence >= 0 && silence <= lostAfter
}

// IsRevoked looks a token up in all kinds.
func (r *Revocations) IsRevoked(kid string, claims *Claims) bool {
	r.lock.RLock()
	defer r.lock.RUnlock()
	for kind, value := range map[string]string{
		"kid": kid, "jti": claims.ID, "sid": claims.Session, "gid": claims.Grant, "client": claims.Client, "sub": claims.Subject,
	} {
		if found, ok := r.marks[kind][value]; ok && claims.IssuedAt <= found.issuedBefore {
			return true
		}
	}
	// What was made from a token ends with it.
	for _, origin := range claims.Origins {
		if _, ok := r.marks["jti"][origin]; ok {
			return true
		}
	}
	return false
}

// Follow reads the feed for as long as the process runs.
func (r *Revocations) Follow() {
	for failures := 0; ; failures++ {
		began := time.Now()
		r.read()
		if time.Since(began) > lostAfter {
			failures = 0
		}
		// At random, so that not everybody comes back at once.
		time.Sleep(rand.N(time.Duration(min(1<<min(failures, 4), 10)) * time.Second))
	}
}

func (r *Revocations) read() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// A dead connection says nothing at all.
	watchdog := time.AfterFunc(lostAfter, cancel)
	defer watchdog.Stop()
	request, err := http.NewRequestWithContext(ctx, "GET", r.url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("accept", "text/event-stream")
	if r.lastID != "" {
		request.Header.Set("last-event-id", r.lastID)
	}
	r.client.sign(request)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return fmt.Errorf("the feed answered %d", answer.StatusCode)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	fields, caughtUp := map[string]string{}, false
	for lines.Scan() {
		watchdog.Reset(lostAfter)
		name, value, _ := strings.Cut(lines.Text(), ":")
		if name != "" {
			fields[name] = strings.TrimPrefix(value, " ")
		} else if value == "" {
			if err := r.take(fields); err != nil {
				return err
			}
			caughtUp = caughtUp || fields["event"] == "current"
			fields = map[string]string{}
		}
		if caughtUp {
			r.lock.Lock()
			// By the clock on the wall: a process that was asleep must not believe what it knew before.
			r.heardAt = time.Now().Round(0)
			r.lock.Unlock()
		}
	}
	return lines.Err()
}

func (r *Revocations) take(fields map[string]string) error {
	if fields["event"] == "revoked" {
		var entries []struct {
			Kind         string `json:"kind"`
			Value        string `json:"value"`
			IssuedBefore *int64 `json:"issued_before"`
			ExpiresAt    int64  `json:"expires_at"`
		}
		if err := json.Unmarshal([]byte(fields["data"]), &entries); err != nil {
			return err
		}
		r.lock.Lock()
		defer r.lock.Unlock()
		for _, entry := range entries {
			marks, known := r.marks[entry.Kind]
			if !known {
				return fmt.Errorf("an entry of an unknown kind: %s", entry.Kind)
			}
			before := int64(math.MaxInt64)
			if entry.IssuedBefore != nil {
				before = *entry.IssuedBefore
			}
			old := marks[entry.Value]
			marks[entry.Value] = mark{max(before, old.issuedBefore), max(entry.ExpiresAt, old.expiresAt)}
		}
		r.forgetExpired()
	}
	if id, ok := fields["id"]; ok {
		r.lastID = id
	}
	return nil
}

func (r *Revocations) forgetExpired() {
	now := time.Now().Unix()
	for _, marks := range r.marks {
		for value, mark := range marks {
			if mark.expiresAt <= now {
				delete(marks, value)
			}
		}
	}
}
