/**
 * What runs in the browser for passkeys, without anything from elsewhere. A form that says `data-passkey` asks for one
 * (`get`) or makes one (`create`), puts the answer into its field `answer`, and is sent. It is hidden until this has found
 * that the browser knows passkeys. With `data-autofill` they are offered by the browser beside the user name as well.
 */
export const passkeyScript = `'use strict'
{
  // A challenge is good for five minutes; one that waits for a choice is renewed before.
  const renewAfter = 240_000
  const bytesOf = (text) =>
    Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0))
  const textOf = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''))
      .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  const decodeList = (list) => (list ?? []).map((one) => ({ ...one, id: bytesOf(one.id) }))

  const decode = (options) => ({
    ...options,
    challenge: bytesOf(options.challenge),
    ...(options.user
      ? { user: { ...options.user, id: bytesOf(options.user.id) }, excludeCredentials: decodeList(options.excludeCredentials) }
      : { allowCredentials: decodeList(options.allowCredentials) }),
  })

  const encode = ({ id, rawId, type, response }) => ({
    id,
    rawId: textOf(rawId),
    type,
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      ...(response.attestationObject
        ? { attestationObject: textOf(response.attestationObject), transports: response.getTransports?.() ?? [] }
        : {
            authenticatorData: textOf(response.authenticatorData),
            signature: textOf(response.signature),
            ...(response.userHandle ? { userHandle: textOf(response.userHandle) } : {}),
          }),
    },
  })

  function setUp(form) {
    const texts = form.dataset
    const error = form.querySelector('.error')
    const field = (name) => form.elements.namedItem(name)
    let isBusy = false
    let offered

    async function readOptions() {
      if (texts.options) return JSON.parse(texts.options)
      const answer = await fetch(texts.begin, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ flow: field('flow').value }),
      })
      if (!answer.ok) throw new Error('no challenge')
      return (await answer.json()).public_key
    }

    async function ask(more) {
      const publicKey = decode(await readOptions())
      const credential = await navigator.credentials[texts.passkey]({ publicKey, ...more })
      field('answer').value = JSON.stringify(encode(credential))
      form.submit()
    }

    function tell({ name }) {
      const isOver = name === 'NotAllowedError' || name === 'AbortError'
      error.textContent = name === 'InvalidStateError' ? texts.known : isOver ? texts.cancelled : texts.failed
      error.hidden = false
    }

    async function offer() {
      const controller = new AbortController()
      const renew = setTimeout(() => controller.abort(), renewAfter)
      const done = ask({ mediation: 'conditional', signal: controller.signal }).catch(() => {})
      const own = { controller, done }
      offered = own
      await done
      clearTimeout(renew)
      if (offered === own && controller.signal.aborted) offer()
    }

    // Browsers ask for one passkey at a time.
    async function stopOffering() {
      const before = offered
      offered = undefined
      before?.controller.abort()
      await before?.done
    }

    async function offerWherePossible() {
      if (texts.autofill === undefined) return
      if (await PublicKeyCredential.isConditionalMediationAvailable?.()) offer()
    }

    form.addEventListener('submit', async (event) => {
      event.preventDefault()
      if (isBusy) return
      isBusy = true
      error.hidden = true
      try {
        if (offered) await stopOffering()
        await ask({})
      } catch (thrown) {
        tell(thrown)
        offerWherePossible()
      } finally {
        isBusy = false
      }
    })
    form.hidden = false
    offerWherePossible()
  }

  if (window.PublicKeyCredential && navigator.credentials) {
    document.querySelectorAll('form[data-passkey]').forEach(setUp)
  } else {
    document.querySelectorAll('[data-without-passkey]').forEach((text) => { text.hidden = false })
  }
}
`
