import type { Catalogue } from '../catalogue.ts'

export const federation: Catalogue = {
  'sign_in.with': 'Weiter mit {provider}',
  'sign_in.provider_away': '{provider} antwortet zurzeit nicht',
  'federation.unavailable':
    '{provider} antwortet zurzeit nicht. Versuchen Sie es später noch einmal, oder melden Sie sich auf einem anderen Weg an.',
  'federation.cancelled':
    'Sie haben sich nicht bei {provider} angemeldet. Sie können es noch einmal versuchen oder einen anderen Weg nehmen.',
  'federation.refused': '{provider} hat die Anmeldung nicht zugelassen. Fragen Sie dort nach, wer Ihr Konto betreut.',
  'federation.failed':
    'Die Anmeldung mit {provider} hat nicht geklappt. Versuchen Sie es noch einmal; wenn es wieder nicht geht, sagen Sie dem Betreiber dieser Seite Bescheid.',
  'federation.expired':
    'Diese Anmeldung wurde vor zu langer Zeit oder in einem anderen Browser begonnen, oder sie ist schon abgeschlossen. Beginnen Sie noch einmal.',
  'federation.no_account':
    'Zu diesem Konto bei {provider} ist hier niemand bekannt. Melden Sie sich auf einem anderen Weg an, oder bitten Sie um ein Konto.',
  'federation.account_exists':
    'Es gibt schon ein Konto mit Ihrer Adresse. Melden Sie sich dort wie gewohnt an; unter „Verknüpfte Konten“ können Sie dann {provider} hinzufügen.',
  'federation.unknown': 'einem anderen Anbieter',
  'account.nav_linked': 'Verknüpfte Konten',
  'linked.title': 'Verknüpfte Konten',
  'linked.about': 'Konten anderswo, mit denen Sie sich hier anmelden.',
  'linked.none': 'Noch keine.',
  'linked.since': '{account}, seit {date}',
  'linked.add': '{provider} verknüpfen',
  'linked.remove': 'Verknüpfung lösen',
  'linked.taken': 'Dieses Konto bei {provider} ist hier schon mit einem Konto verknüpft.',
  'linked.too_many': 'Es können keine weiteren Konten verknüpft werden. Lösen Sie zuerst eine Verknüpfung.',
  'history.identity_linked': 'Ein Konto anderswo wurde verknüpft',
  'history.identity_unlinked': 'Die Verknüpfung mit einem Konto anderswo wurde gelöst',
  'history.roles_brought': 'Rollen wurden durch ein Konto anderswo geändert',
  'history.claims_not_mapped': 'Etwas, das ein Konto anderswo angibt, ließ sich nicht übernehmen',
  'history.account_reclaimed': 'Das Konto ging an den Inhaber seiner Adresse',
  'mail.identity_linked.subject': 'Ein Weg zur Anmeldung bei {brand} ist dazugekommen',
  'mail.identity_linked.text':
    'Ein Konto bei {what} wurde mit Ihrem Konto {username} verknüpft: Damit kann man sich anmelden.',
  'mail.identity_unlinked.subject': 'Ein Weg zur Anmeldung bei {brand} wurde entfernt',
  'mail.identity_unlinked.text': 'Ein Konto bei {what} ist nicht mehr mit Ihrem Konto {username} verknüpft.',
}
