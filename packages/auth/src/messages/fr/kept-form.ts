import type { Catalogue } from '../catalogue.ts'

export const keptForm: Catalogue = {
  'kept_form.title': 'Envoyer ce qui a été conservé',
  'kept_form.waits':
    'Ce que vous alliez envoyer à {path} a été conservé pendant votre connexion. Rien n’a encore été envoyé.',
  'kept_form.send': 'Envoyer',
  'kept_form.leave': 'Ne pas envoyer',
  'kept_form.file': 'Fichier {name}, {bytes} octets',
  'kept_form.title_gone': 'Il n’y a rien à envoyer',
  'kept_form.gone':
    'Ce qui avait été conservé a déjà été envoyé, a attendu trop longtemps ou avait été commencé par quelqu’un d’autre. Cela ne sera pas envoyé.',
  'kept_form.still_kept':
    'Ce que vous alliez envoyer n’a pas été remis. Cela est conservé une demi-heure pour que vous puissiez l’envoyer de nouveau.',
  'kept_form.look_again': 'Le revoir et l’envoyer de nouveau',
}
