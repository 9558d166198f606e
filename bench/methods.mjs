/** How each group is measured, for docs/benchmarks.md. */
export const methods = `Gatehouse runs as shipped, in production mode, one process, with its store, audit, metrics and limits on; what differs from
the defaults is the lifetime of access tokens (2 h, so that they outlive the run).

- **client_credentials**: form, client secret by HTTP Basic, one JWT. oidc-provider keeps everything in a Map and signs
  ES256 too. Bare signing is node:http, the form, the secret's SHA-256 and one ES256 signature by node:crypto.
- **refresh**: 2,000 grants; every refresh token is used once and its successor next. On SQLite every answer waits for a
  commit with synchronous=FULL; Postgres runs with fsync and synchronous_commit on. oidc-provider writes to its Map. Both
  sides answer with one ES256 JWT and a new refresh token.
- Gatehouse sends the answers that become complete in one turn of the event loop together at its end. The bare servers write
  each at once, as node:http does by itself, and can be slower for it than what does their work and more.
- **validate**: 2,000 tokens in rotation, each with the audience that asks; the echo parses the same bodies and writes them
  back. **Tokens never seen** are 60,000 in rotation, six times what the verifier remembers, so that none is remembered when
  it comes again. They are compared with a bare server that parses the body, verifies the ES256 signature by node:crypto
  and answers with the claims: the most that verification alone allows over HTTP. The line for information compares what
  being unseen costs with what the signature costs there.
- **introspection**: 2,000 tokens in rotation, client secret by HTTP Basic. oidc-provider cannot introspect its JWTs and is
  asked for opaque tokens, which it looks up in its Map.
- **guard**: within one process, each token decoded anew from bytes and awaited as a service does; the guard follows a feed that
  lives and is silent. fast-jwt checks signature, issuer, audience and expiry, and remembers as many tokens; it knows nothing
  of revocation. Bare signatures are node:crypto and the parsed payload.
- **code**: every code is used once; the codes are made before, fifty by each browser that has signed in, and by oidc-provider's own
  constructor. Both sides check PKCE and answer with an ES256 access token, a refresh token and an ID token; Gatehouse writes
  two rows with synchronous=FULL, oidc-provider to its Map. Pushed requests are one and the same request again and again.
- **proofs**: every assertion and every DPoP proof is used once, by ES256 keys; both sides remember each. Gatehouse's proofs
  carry its nonce. **metadata**: the echo parses the same JSON from a POST and writes it back.
- **storage**: bytes of the SQLite file and its log.
- **gateway**: 2,000 tokens, 500 paths, ten routes that ask for a scope, a kilobyte of JSON from the same upstream (nginx where
  it is installed). Gatehouse checks the JWT and sends an identity JWT of its own; http-proxy-3, @fastify/http-proxy and the
  bare undici proxy check nothing; nginx has one worker and asks a node:http service that verifies the same JWT through a
  cache: two processes, beside which Gatehouse stands as one, and for information as two (\`workers: 2\`). All of them keep their
  connections to the upstream and to that service.
- **edge**: what one more thing costs the gateway, each against the same requests without it, in one run: a condition in CEL over
  path and principal; an identity bound to each request, which is a signature each; the cookies of 200 sessions of a browser
  app in place of 200 tokens.
- **streaming**: 50 streams over which the service sends 20 events a second each, stamped with the machine's monotonic clock: from
  the service's write to the client's read. All fifty are written to at once. Their first events wait until fifty requests have been
  let through, and are the line for information; first bytes have a line of their own, of streams that begin one after the other. Four transfers of 100 MB at a time in either
  direction; the memory is the greatest that Gatehouse has had.
- **revocation**: from sending POST /logout until the last of ten guards refuses the token and an event stream and a WebSocket
  of it have ended, one session after the other. A thousand readers of the feed in one process, until the last has been told.
  The set is filled by itself, and its memory is what the heap has more after a collection.
- **idle**: 10,000 connections that have each sent one request and rest, 2,000 WebSockets that rest; requests at 1,000/s over 64 other
  connections meanwhile, against the same before, counted from when each was due.
- **login**: right passwords of 150 users, after 36 s of warming up, argon2id with 19 MiB, 2 passes, 1 lane; raw argon2 verifies
  one hash over and over, as many at a time as there are cores.
- **ldap**: right passwords of 1,000 people at one OpenLDAP on this machine, in clear, eight at a time. Both sides keep their
  connections, some to search as the search user and others to bind as who signs in. The line that has a goal measures the
  provider by itself, which is the same work on both sides; the one for information is a whole POST /login, which also makes a
  session, a grant and two tokens and has them on the disk.
- **federation**: sign-ins of 20 people, one after the other, each in a new browser and at an OpenID provider on this machine,
  over TLS with a new connection for each. Counted are the two answers of Gatehouse, to being sent there and to coming back,
  less what the provider took from reading the request to having written its answer, as it measures that itself.
- **pages**: one request after the other over one connection, each page 200 times; the page that takes longest counts. Its
  size is that of the page with everything that it loads, uncompressed. The Fastify page is a form of the same fields as
  text, without anything looked up. **sign_in_times**: wrong passwords of users that exist and of users that do not, in turn,
  200 of each, every one from an address of its own, so that no limit stops them.
- **flood**: /validate at a fixed 5,000/s over 64 connections, each answer counted from when its request was due; quiet, and
  while 200 connections sign in without pause, after 36 s of sign-ins alone and 9 s of both to warm up. The median of the rounds' p99. Run as root, the generator of /validate has
  a raised priority in both, since it stands for clients on other machines; that of the sign-ins has not.
- **memory**: resident memory (10^6 bytes) five seconds after the start, and after a million tokens by client_credentials of
  which none is validated, followed by 20,000 others that are, so that the verifier's cache is full.
- **start**: from the start of the process on a database that exists to the first 200 of /readyz; the median of five. A bare
  node:http server takes turns with it: how long Node itself takes differs by a third from one hour to another on a machine
  that is shared, and Gatehouse with it, on a new database as on one that has been through the whole run.`
