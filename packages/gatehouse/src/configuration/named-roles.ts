import type { ConfigurationFile } from './schema.ts'

type Routes = NonNullable<ConfigurationFile['services']>[string]['routes']

/**
 * Every role that a file names: in `roles`, as one that somebody gets or needs, in a rule or in what a provider brings. Of an
 * expression every text in quotes counts, which may be a role.
 */
export function findNamedRoles(content: ConfigurationFile): ReadonlySet<string> {
  const { roles = {}, organisations, second_factor, sign_up, services = {}, providers = {} } = content
  return new Set([
    ...Object.keys(roles),
    ...(organisations?.administrator_role === undefined ? [] : [organisations.administrator_role]),
    ...(second_factor?.required_for_roles ?? []),
    ...(sign_up?.roles ?? []),
    ...Object.values(services).flatMap((service) => service.routes.flatMap(rolesOfRoute)),
    ...Object.values(providers).flatMap(({ mapping }) => rolesOfMapping(mapping?.roles)),
  ])
}

const rolesOfRoute = ({ require, observe }: Routes[number]): readonly string[] =>
  [require, observe].flatMap((rule) =>
    typeof rule === 'object' ? [...(rule.roles ?? []), ...[rule.when ?? []].flat().flatMap(textsIn)] : [],
  )

const rolesOfMapping = (rules: string | Readonly<Record<string, string>> = {}): readonly string[] =>
  typeof rules === 'string' ? textsIn(rules) : Object.keys(rules)

/** The texts in quotes of an expression. */
const textsIn = (expression: string): readonly string[] =>
  [...expression.matchAll(/"([^"\\]*)"|'([^'\\]*)'/g)].map(([, double, single]) => double ?? single ?? '')
