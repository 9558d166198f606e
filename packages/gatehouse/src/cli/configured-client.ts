import { isConfiguredClient } from '@gatehouse/auth/domain/clients'
import { appClientPrefix, firstPartyClientId, serviceClientPrefix } from '@gatehouse/core/wire-names'
import type { Configuration } from '../configuration/configuration.ts'
import { developmentBase } from '../development/demo-data.ts'

type Defining = Pick<Configuration, 'file' | 'development' | 'auth'>

/** What to do about a client that is not in the database, and what has to be known of it for that. */
interface Definition {
  /** Where it stands: a sentence without its end. */
  readonly place: string
  readonly toRemove: string
  /** The key under which its secret stands; absent where it has none. */
  readonly secretUnder?: string
  /** Whether that key may be in no file, since development mode brings the client where the file does not. */
  readonly isBrought?: boolean
}

/** How a client is removed that the configuration defines; absent for any other. */
export function howToRemove(configuration: Defining, id: string): string | undefined {
  const definition = findDefinition(configuration, id)
  return definition && `${definition.place}: ${definition.toRemove}`
}

/** How the secret of a client is changed that the configuration defines; absent for any other. */
export function howToRotate(configuration: Defining, id: string): string | undefined {
  const definition = findDefinition(configuration, id)
  if (definition === undefined) return undefined
  const { place, secretUnder: key, isBrought } = definition
  if (key === undefined) return `${place}, and it does not prove itself by a secret`
  if (isBrought) return `${place}, and a secret of its own is set there: ${key}.secret`
  return (
    `${place}, and its secret is changed there: move ${key}.secret to ${key}.secret_previous, put a new one in its place ` +
    '(openssl rand -base64 32), run `gatehouse reload`, and take secret_previous out once the new one is in use everywhere'
  )
}

/** Where a client of the configuration stands; absent for any other. */
export const placeOfClient = (configuration: Defining, id: string): string | undefined =>
  findDefinition(configuration, id)?.place

function findDefinition({ file, development, auth }: Defining, id: string): Definition | undefined {
  if (!isConfiguredClient(auth, id)) return undefined
  const inFile = (key: string): string => `${id} is not in the database but in ${file}, under ${key}`
  if (id === firstPartyClientId) {
    return {
      place: `${id} is built into Gatehouse`,
      toRemove: '`login_api: false` takes away what it is for, from the next start on',
    }
  }
  if (id.startsWith(serviceClientPrefix)) {
    const key = `services.${id.slice(serviceClientPrefix.length)}.client`
    return { place: inFile(key), toRemove: takeOut(key), secretUnder: key }
  }
  if (id.startsWith(appClientPrefix)) {
    const host = id.slice(appClientPrefix.length)
    const place = `${id} is not in the database but in ${file}: it is of the services of ${host} with \`session: cookie\``
    return { place, toRemove: 'take that out there and run `gatehouse reload`' }
  }
  const key = `clients.${id}`
  const secretUnder = auth.clients.some((client) => client.id === id && client.secret !== undefined) && key
  const secret = secretUnder ? { secretUnder } : {}
  if (development && Object.hasOwn(developmentBase.clients, id)) {
    return {
      place: `${id} is not in the database: development mode brings it, unless it is in ${file}, under ${key}`,
      toRemove: 'take it out there; with `gatehouse dev` and --dev it is there all the same',
      isBrought: true,
      ...secret,
    }
  }
  return { place: inFile(key), toRemove: takeOut(key), ...secret }
}

const takeOut = (key: string): string =>
  `take ${key} out there and run \`gatehouse reload\`, which ends what it was given`
