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

Users alice and bob (password ${demoPassword}); service client demo-service (secret demo-service-secret).
Apps demo-web (secret demo-web-secret) and demo-spa (public), both for http://127.0.0.1:39002/cb; others may register.
OpenID Connect: ${url}/.well-known/openid-configuration   API: ${url}/docs
Stop with Ctrl-C.

`
