import type { GrantId } from '@gatehouse/core/brand'
import { clockTolerance } from '@gatehouse/core/time'
import { postgresMoment } from '../dialect.ts'
import type { FactorLeft, GrantBatch, Rotation } from '../grant-rotation.ts'
import type { GrantRow } from '../rows.ts'
import type { Runner } from '../runner.ts'
import { grantColumns, grantStands } from '../tables/grants.ts'
import { createBatch } from './batch.ts'

const findMany = {
  name: 'grants.find-many',
  sql: `select ${grantColumns.join(', ')} from grants where id = any($1::text[])`,
}

// The rows are locked in the order of their ids before any of them is changed, so that two batches cannot deadlock; the
// conditions are judged again on the row as it is once the lock is held.
const rotateMany = {
  name: 'grants.rotate-many',
  sql: `with asked as materialized (
  select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    as asked (id, generation, now, idle_expires_at, access_expires_at, factor_idle)
), locked as materialized (
  select id from grants where id = any($1::text[]) order by id for update
)
update grants set
  generation = grants.generation + 1,
  rotated_at = ${postgresMoment},
  factor_at = case
    when asked.factor_idle is null
      or ${postgresMoment} - grants.rotated_at between ${-clockTolerance} and asked.factor_idle then grants.factor_at
    else 0 end,
  idle_expires_at = asked.idle_expires_at,
  access_expires_at = greatest(grants.access_expires_at, asked.access_expires_at)
from locked join asked on asked.id = locked.id
where grants.id = locked.id and grants.generation = asked.generation
  and grants.expires_at > asked.now and grants.idle_expires_at > asked.now
  and ${grantStands}
returning grants.id, grants.factor_at`,
}

/** Builds the batches over a database. At most two of each kind are under way, of at most 500 grants. */
export function createGrantBatch(runner: Runner): GrantBatch {
  const limits = { maxInFlight: 2, maxItems: 500 }
  return {
    find: createBatch({ ...limits, run: (ids) => findAll(runner, ids) }),
    rotate: createBatch({ ...limits, run: (rotations) => rotateAll(runner, rotations) }),
  }
}

async function findAll(runner: Runner, ids: readonly GrantId[]): Promise<(GrantRow | undefined)[]> {
  const { rows } = await runner.run({ ...findMany, parameters: [[...new Set(ids)]] })
  const byId = new Map<GrantId, GrantRow>()
  // The statement selects the columns of a grant.
  for (const row of rows as readonly GrantRow[]) byId.set(row.id, row)
  return ids.map((id) => byId.get(id))
}

/**
 * An update joins each row once, however often it was asked for: so each grant goes in once, and one that was asked for
 * again waits. For the same generation there is no answer then, whatever the first one's was: either that one rotated it,
 * or what refused it refuses this one.
 */
async function rotateAll(runner: Runner, rotations: readonly Rotation[]): Promise<(FactorLeft | undefined)[]> {
  const first = new Map<GrantId, Rotation>()
  const again: Rotation[] = []
  for (const rotation of rotations) {
    const earlier = first.get(rotation.id)
    if (!earlier) first.set(rotation.id, rotation)
    else if (earlier.generation !== rotation.generation) again.push(rotation)
  }
  const rotated = await rotateDistinct(runner, [...first.values()])
  const later = again.length > 0 ? await rotateAll(runner, again) : []
  for (const [index, rotation] of again.entries()) {
    const left = later[index]
    if (left) rotated.set(rotation, left)
  }
  return rotations.map((rotation) => rotated.get(rotation))
}

async function rotateDistinct(runner: Runner, rotations: readonly Rotation[]): Promise<Map<Rotation, FactorLeft>> {
  const { rows } = await runner.run({
    ...rotateMany,
    parameters: [
      rotations.map((rotation) => rotation.id),
      rotations.map((rotation) => rotation.generation),
      rotations.map((rotation) => rotation.now),
      rotations.map((rotation) => rotation.idle_expires_at),
      rotations.map((rotation) => rotation.access_expires_at),
      rotations.map((rotation) => rotation.factor_idle),
    ],
  })
  // The statement returns these columns.
  const returned = rows as readonly (Pick<GrantRow, 'id'> & FactorLeft)[]
  const byId = new Map(returned.map(({ id, factor_at }) => [id, { factor_at }]))
  const rotated = new Map<Rotation, FactorLeft>()
  for (const rotation of rotations) {
    const left = byId.get(rotation.id)
    if (left) rotated.set(rotation, left)
  }
  return rotated
}
