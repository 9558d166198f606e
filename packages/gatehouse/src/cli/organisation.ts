import { createInvitationMails } from '@gatehouse/auth/domain/invitation-mails'
import { inviteMember, withdrawInvitation } from '@gatehouse/auth/domain/organisation-invitations'
import { addMember, changeRoles, removeMember } from '@gatehouse/auth/domain/organisation-members'
import {
  addOrganisation,
  getOrganisation,
  type OrganisationPolicy,
  setOrganisationStatus,
} from '@gatehouse/auth/domain/organisations'
import { getEmail, getUserByName } from '@gatehouse/auth/domain/users'
import { canSend } from '@gatehouse/auth/mail/open-outbox'
import { GatehouseError } from '@gatehouse/core/errors'
import { splitWords } from '@gatehouse/core/words'
import type { OrganisationRow } from '@gatehouse/store/rows'
import type { Member } from '@gatehouse/store/tables/memberships'
import type { Command } from 'commander'
import type { Configuration } from '../configuration/configuration.ts'
import { type ConfigurationOptions, type Opened, withConfiguration, withMail, withStore } from './open.ts'
import { collect } from './options.ts'
import { answer, answerList, formatMoment, readPages } from './output.ts'
import { WrongUseError } from './wrong-use.ts'

interface RoleOptions extends ConfigurationOptions {
  readonly role?: readonly string[]
}

const roleHelp = 'a role in the organisation (repeatable, or with commas)'

/** `gatehouse organisation …`. */
export function addOrganisationCommands(program: Command): void {
  const organisation = program.command('organisation').description('organisations, and who belongs to them')
  const command = (name: string, description: string, example: string): Command =>
    withConfiguration(organisation.command(name))
      .description(description)
      .addHelpText('after', `\nExample:\n  $ gatehouse organisation ${example}\n`)

  command('add', 'add an organisation', 'add acme --name "Acme Inc."')
    .argument('<slug>', 'its name in requests: small letters, digits, dashes')
    .option('-n, --name <name>', 'what people call it; left out: the slug')
    .action(add)
  command('list', 'list the organisations', 'list --json').action(list)
  for (const [name, status] of [
    ['disable', 'disabled'],
    ['enable', 'active'],
  ] as const) {
    const what =
      status === 'disabled' ? 'let nobody act for it, and end what is done in its name' : 'let people act for it'
    command(name, what, `${name} acme`)
      .argument('<organisation>')
      .action((id: string, options: ConfigurationOptions) => setStatus(id, status, options))
  }
  command('members', 'list who belongs to an organisation', 'members acme')
    .argument('<organisation>')
    .action(listMembers)
  command('add-member', 'make a user a member', 'add-member acme carol --role admin')
    .argument('<organisation>')
    .argument('<username>')
    .option('-r, --role <role>', roleHelp, collect)
    .action(addOne)
  command('set-roles', 'give a member these roles and no others', 'set-roles acme carol --role admin,auditor')
    .argument('<organisation>')
    .argument('<username>')
    .option('-r, --role <role>', roleHelp, collect)
    .action(setRoles)
  command('remove-member', 'remove a member, and end what they do in its name', 'remove-member acme carol')
    .argument('<organisation>')
    .argument('<username>')
    .action(removeOne)
  command('invite', 'invite somebody by mail', 'invite acme dave@example.com --role clerk')
    .argument('<organisation>')
    .argument('<email>')
    .option('-r, --role <role>', roleHelp, collect)
    .action(invite)
  command('withdraw-invitation', 'take an invitation back', 'withdraw-invitation acme dave@example.com')
    .argument('<organisation>')
    .argument('<email>')
    .action(withdraw)
}

/** What organisations may do; an error that says what to write where there are none. */
function getPolicy({ auth, file }: Pick<Configuration, 'auth' | 'file'>): OrganisationPolicy {
  if (!auth.organisations) throw new Error(`there are no organisations; in ${file}: organisations: { enabled: true }`)
  return auth.organisations
}

async function add(slug: string, options: ConfigurationOptions & { readonly name?: string }): Promise<void> {
  await withStore(options, async ({ configuration, store, clock, by }) => {
    getPolicy(configuration)
    const row = await addOrganisation({ store, clock }, { name: options.name ?? slug, slug }, by)
    answer(options, row, `added ${row.slug} (${row.id})`)
  })
}

async function list(options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ store }) => {
    const pages = readPages<OrganisationRow>((last, limit) =>
      store.organisations.list({ limit, ...(last && { after: last.slug }) }),
    )
    await answerList(options, pages, {
      columns: {
        slug: ({ slug }) => slug,
        name: ({ name }) => name,
        id: ({ id }) => id,
        status: ({ status }) => status,
        created: ({ created_at }) => formatMoment(created_at),
      },
      tell: (row) => row,
    })
  })
}

async function setStatus(
  idOrSlug: string,
  status: OrganisationRow['status'],
  options: ConfigurationOptions,
): Promise<void> {
  await withStore(options, async ({ by, ...opened }) => {
    const { id, slug } = await getOrganisation(opened, idOrSlug)
    await setOrganisationStatus(opened, { id, status }, by)
    answer(options, { id, slug, status }, `${slug} is ${status}`)
  })
}

async function listMembers(idOrSlug: string, options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ store }) => {
    const { id } = await getOrganisation({ store }, idOrSlug)
    const pages = readPages<Member>((last, limit) =>
      store.memberships.listMembers({ organisation_id: id, limit, after: last?.username_canonical }),
    )
    await answerList(options, pages, {
      columns: {
        username: ({ username }) => username,
        id: ({ user_id }) => user_id,
        status: ({ status }) => status,
        roles: ({ roles }) => roles,
        since: ({ created_at }) => formatMoment(created_at),
      },
      tell: ({ username, user_id, status, roles, created_at }) => ({
        ...{ username, user_id, status, roles: splitWords(roles), created_at },
      }),
    })
  })
}

/** Runs a command about one user in one organisation. */
async function withMember(
  idOrSlug: string,
  username: string,
  options: RoleOptions,
  done: string,
  run: (
    opened: Opened & { readonly policy: OrganisationPolicy },
    of: { readonly organisation: OrganisationRow['id']; readonly member: Member['user_id'] },
  ) => Promise<void>,
): Promise<void> {
  await withStore(options, async (opened) => {
    const policy = getPolicy(opened.configuration)
    const organisation = await getOrganisation(opened, idOrSlug)
    const user = await getUserByName(opened, username)
    await run({ ...opened, policy }, { organisation: organisation.id, member: user.id })
    answer(
      options,
      { organisation: organisation.id, user_id: user.id, roles: options.role ?? [] },
      `${user.username} ${done} ${organisation.slug}`,
    )
  })
}

const addOne = (organisation: string, username: string, options: RoleOptions): Promise<void> =>
  withMember(organisation, username, options, 'belongs to', (opened, of) =>
    addMember(opened, { ...of, roles: options.role ?? [] }, opened.by),
  )

const setRoles = (organisation: string, username: string, options: RoleOptions): Promise<void> =>
  withMember(organisation, username, options, 'has new roles in', (opened, of) =>
    changeRoles(opened, { ...of, roles: options.role ?? [] }, 'operator', opened.by),
  )

const removeOne = (organisation: string, username: string, options: ConfigurationOptions): Promise<void> =>
  withMember(organisation, username, options, 'belongs no longer to', (opened, of) =>
    removeMember(opened, of, 'operator', opened.by),
  )

async function invite(idOrSlug: string, email: string, options: RoleOptions): Promise<void> {
  await withMail(options, async ({ configuration, store, clock, by }, { outbox, mailLooks }) => {
    const policy = getPolicy(configuration)
    const { issuer } = configuration
    const organisation = await getOrganisation({ store }, idOrSlug)
    const address = getEmail(email)
    const isMailed = canSend(configuration.mail)
    const queueMail = isMailed ? createInvitationMails({ issuer, outbox, mailLooks }) : async () => {}
    const invitation = { organisation: organisation.id, address, roles: options.role ?? [] }
    const { link, expiresAt } = await inviteMember({ store, clock, policy, queueMail }, invitation, 'operator', by)
    const told = isMailed ? `${address.email} is sent` : 'no mail is configured; hand on'
    answer(
      options,
      { organisation: organisation.id, email: address.email, link: issuer + link, expires_at: expiresAt },
      `${told} this link, good until ${formatMoment(expiresAt)}:\n${issuer}${link}`,
    )
  })
}

async function withdraw(idOrSlug: string, email: string, options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ configuration, store, clock, by }) => {
    const policy = getPolicy(configuration)
    const organisation = await getOrganisation({ store }, idOrSlug)
    const address = getEmail(email)
    const invitation = { organisation_id: organisation.id, email: address.canonical }
    await withdrawInvitation({ store, clock, policy }, invitation, 'operator', by).catch((error: unknown) => {
      if (!(error instanceof GatehouseError) || error.code !== 'not_found') throw error
      throw new WrongUseError('no invitation of this address waits for an answer')
    })
    answer(
      options,
      { organisation: organisation.id, email: address.email },
      `withdrew the invitation of ${address.email} into ${organisation.slug}`,
    )
  })
}
