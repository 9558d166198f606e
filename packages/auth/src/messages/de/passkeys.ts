import type { Catalogue } from '../catalogue.ts'

export const passkeys: Catalogue = {
  'passkey.title': 'Passkeys',
  'passkey.none':
    'Noch keine. Mit einem Passkey melden Sie sich mit Fingerabdruck, Gesicht oder der Sperre Ihres Geräts an.',
  'passkey.add': 'Passkey hinzufügen',
  'passkey.new_title': 'Passkey erstellen',
  'passkey.about':
    'Ihr Gerät bewahrt den Passkey auf und zeigt ihn erst, wenn Sie es entsperrt haben: mit Fingerabdruck, Gesicht oder PIN. Es gibt nichts, was Sie sich merken müssten, und nichts, was eine falsche Seite Ihnen entlocken könnte.',
  'passkey.name': 'Ihr Name dafür',
  'passkey.default_name': 'Passkey',
  'passkey.create': 'Passkey erstellen',
  'passkey.rename': 'Umbenennen',
  'passkey.save_name': 'Namen speichern',
  'passkey.sign_in': 'Mit einem Passkey anmelden',
  'passkey.show': 'Passkey verwenden',
  'passkey.or': 'oder',
  'passkey.instead': 'Stattdessen einen Passkey verwenden',
  'passkey.app_instead': 'Stattdessen eine Authenticator-App verwenden',
  'passkey.wrong':
    'Mit diesem Passkey können Sie sich hier nicht anmelden. Versuchen Sie es mit einem anderen oder auf einem anderen Weg.',
  'passkey.not_added': 'Der Passkey konnte nicht hinzugefügt werden. Versuchen Sie es noch einmal.',
  'passkey.cancelled':
    'Es wurde nichts ausgewählt, oder es hat zu lange gedauert. Sie können es jederzeit wieder versuchen.',
  'passkey.known': 'Dieses Gerät hat schon einen Passkey für Ihr Konto.',
  'passkey.failed': 'Das hat nicht geklappt. Laden Sie die Seite neu und versuchen Sie es noch einmal.',
  'passkey.unsupported': 'Dieser Browser kennt keine Passkeys.',
  'passkey.needs_script': 'Passkeys brauchen JavaScript, und das führt dieser Browser hier nicht aus.',
  'history.factor_renamed': 'Ein Passkey wurde umbenannt',
  'history.passkey_went_back': 'Ein Passkey wurde abgewiesen: er könnte kopiert worden sein',
}
