import type { UserId } from '@gatehouse/core/brand'
import type { RefusalRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { Command } from 'commander'
import { isOfEndpoint } from '../telemetry/refusal-record.ts'
import { type ConfigurationOptions, withConfiguration, withStore } from './open.ts'
import { answer, formatMoment, tabulate } from './output.ts'

/** `gatehouse explain`: why the gateway or an endpoint refused a request, by the id that the stranger was shown. */
export function addExplainCommand(program: Command): void {
  withConfiguration(program.command('explain'))
    .description('say why a request was refused, by the decision_id or request_id of its answer')
    .argument('<id>')
    .addHelpText(
      'after',
      '\nExample:\n  $ gatehouse explain dec_Jw3hXk0cT9pQm2aB\n  $ gatehouse explain req_4fQx1k\n\nExit code 1: nothing is kept under this id.\n',
    )
    .action(explain)
}

async function explain(id: string, options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ store }) => {
    const row = await store.refusals.find(id)
    if (!row) {
      throw new Error(
        'nothing is kept under this id: it is mistyped, older than audit.keep_refusals, or was one of too many at once; look for it in the log',
      )
    }
    answer(options, row, isOfEndpoint(row.id) ? describeEndpoint(row) : describe(row, await findName(store, row)))
  })
}

const findName = async (store: Store, { subject }: RefusalRow): Promise<string | undefined> =>
  subject.startsWith('usr_') ? (await store.users.findById(subject as UserId))?.username : undefined // by its prefix

/** One of Gatehouse's own endpoints: nobody is known for certain who is refused there, and there is no rule of a route. */
const describeEndpoint = (row: RefusalRow): string =>
  tabulate([
    ['refused', `${row.status} ${row.code}, ${formatMoment(row.at)}`],
    ['asked', `${row.method} ${row.host}${row.path}`],
    ['for', row.rule === '' ? 'nothing that says more' : row.rule],
    ['from', row.address],
    ['by', row.client_id === '' ? 'no client that is named' : `a client that says to be ${row.client_id}`],
    ['found', row.reason],
    ['needed', row.needed],
  ])

function describe(row: RefusalRow, username: string | undefined): string {
  const user = username === undefined ? row.subject : `${username} (${row.subject})`
  const caller = row.subject === '' ? 'nobody who is known' : `${user}, through the client ${row.client_id}`
  return tabulate([
    ['refused', `${row.status} ${row.code}, ${formatMoment(row.at)}`],
    ['asked', row.path === '' ? 'a request that could not be read' : `${row.method} ${row.host}${row.path}`],
    ['from', `${row.address} (${row.request_id})`],
    ['by', caller],
    ['route', row.route === '' ? 'none' : row.route],
    ['rule', row.rule === '' ? 'none of the route' : row.rule],
    ['found', row.reason],
    ['needed', row.needed],
  ])
}
