import type { Catalogue } from '../catalogue.ts'

export const ownData: Catalogue = {
  'account.nav_history': 'Verlauf',
  'account.nav_data': 'Ihre Daten',
  'history.title': 'Sicherheitsverlauf',
  'history.about':
    'Was mit Ihrem Konto geschehen ist, das Neueste zuerst. Wenn etwas nicht von Ihnen kam, ändern Sie Ihr Passwort und beenden Sie alle anderen Sitzungen.',
  'history.none': 'Noch nichts.',
  'history.older': 'Älteres',
  'history.times': '{count}-mal',
  'history.sign_in': 'Angemeldet',
  'history.sign_in_failed': 'Eine Anmeldung schlug fehl',
  'history.password_set': 'Das Passwort wurde gesetzt',
  'history.factor_added': 'Ein zweiter Faktor wurde hinzugefügt',
  'history.factor_removed': 'Ein zweiter Faktor wurde entfernt',
  'history.backchannel_refused': 'Eine Anwendung hat zu oft um Ihre Zustimmung gebeten',
  'history.recovery_codes_renewed': 'Neue Wiederherstellungscodes wurden erzeugt',
  'history.user_added': 'Das Konto wurde angelegt',
  'history.user_disabled': 'Das Konto wurde gesperrt',
  'history.user_enabled': 'Das Konto wurde wieder geöffnet',
  'history.rights_changed': 'Was das Konto darf, wurde geändert',
  'history.data_downloaded': 'Ihre Daten wurden heruntergeladen',
  'history.first_administrator_created': 'Das Konto wurde angelegt',
  'data.title': 'Ihre Daten',
  'data.download_about':
    'Alles, was hier über Sie aufbewahrt wird, als Datei, die Programme lesen können: Konto, Sitzungen, zweite Faktoren ohne ihre Geheimnisse, verbundene Anwendungen, Verlauf.',
  'data.download': 'Meine Daten herunterladen',
  'data.delete_title': 'Konto löschen',
  'data.delete_about':
    'Sie werden überall abgemeldet, und alles, was hier über Sie aufbewahrt wird, wird entfernt. Das lässt sich nicht rückgängig machen.',
  'data.delete_confirm': 'Geben Sie zur Bestätigung Ihren Benutzernamen {username} ein',
  'data.delete': 'Mein Konto löschen',
  'data.delete_wrong': 'Das ist nicht Ihr Benutzername.',
  'data.deleted_title': 'Ihr Konto ist gelöscht',
  'data.deleted': 'Hier ist nichts davon übrig. Apps, die Sie benutzt haben, können behalten haben, was sie hatten.',
}
