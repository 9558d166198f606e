import { demoPassword } from './demo-data.ts'

/** What to try next, as commands that can be pasted one after the other. */
export const welcome = (url: string): string => `
Gatehouse is ready at ${url}

Try it (paste one after the other):

  # sign in: an access token and a refresh token
  PAIR=$(curl -s ${url}/login -H 'content-type: application/json' -d '{"username":"alice","password":"${demoPassword}"}'); echo "$PAIR"
  TOKEN=$(echo "$PAIR" | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'); REFRESH=$(echo "$PAIR" | sed 's/.*"refresh_token":"\\([^"]*\\)".*/\\1/')

  # call a service through the gateway
  curl -i ${url}/orders -H "authorization: Bearer $TOKEN"

  # refresh: a new pair
  PAIR=$(curl -s ${url}/token/refresh -H 'content-type: application/json' -d "{\\"refresh_token\\":\\"$REFRESH\\"}"); echo "$PAIR"
  TOKEN=$(echo "$PAIR" | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

  # is the token good, now?
  curl -s ${url}/validate -H 'content-type: application/json' -d "{\\"token\\":\\"$TOKEN\\",\\"audience\\":\\"${url}\\"}"; echo

  # log out, and see 401
  curl -i -X POST ${url}/logout -H "authorization: Bearer $TOKEN"
  curl -i ${url}/orders -H "authorization: Bearer $TOKEN"

In a browser, ${url}/shop: a storefront that leads to sign in and back. Open it twice, order something, see it arrive in
both, sign out in one, and see the other's live list end.

A rule is on trial (observe): whoever orders without the role boss is let through, and stands in the log and in ${url}/metrics.
Who would be let through: gatehouse can bob POST /orders. Why somebody was not: gatehouse explain ID, with the id of the refusal.

Users alice and bob (password ${demoPassword}); service client demo-service (secret demo-service-secret).
Apps demo-web (secret demo-web-secret) and demo-spa (public), both for http://127.0.0.1:39002/cb; others may register.
OpenID Connect: ${url}/.well-known/openid-configuration   API: ${url}/docs
Stop with Ctrl-C.

`
