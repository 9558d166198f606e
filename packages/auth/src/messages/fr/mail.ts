import type { Catalogue } from '../catalogue.ts'

export const mail: Catalogue = {
  'mail.sign_up.subject': 'Confirmez votre adresse pour {brand}',
  'mail.sign_up.text':
    'Quelqu’un, vous sans doute, ouvre un compte chez {brand} avec cette adresse. Confirmez qu’elle est à vous :',
  'mail.sign_up.link': 'Confirmer l’adresse',
  'mail.invitation.subject': 'Invitation à {brand}',
  'mail.invitation.text': 'Vous êtes invité à ouvrir un compte chez {brand} :',
  'mail.invitation.link': 'Accepter l’invitation',
  'mail.organisation_invitation.subject': 'Invitation à rejoindre {organisation}',
  'mail.organisation_invitation.text':
    '{organisation} vous invite à la rejoindre chez {brand}. Acceptez avec le compte qui a cette adresse :',
  'mail.organisation_invitation.link': 'Voir l’invitation',
  'mail.change_email.subject': 'Confirmez votre nouvelle adresse pour {brand}',
  'mail.change_email.text':
    'Cette adresse doit désormais appartenir à un compte chez {brand}. Confirmez qu’elle est à vous :',
  'mail.change_email.link': 'Confirmer l’adresse',
  'mail.recovery.subject': 'Un nouveau mot de passe pour {brand}',
  'mail.recovery.text':
    'Quelqu’un, vous sans doute, a oublié le mot de passe de votre compte chez {brand}. Choisissez-en un nouveau ici :',
  'mail.recovery.link': 'Choisir un nouveau mot de passe',
  'mail.sign_in_link.subject': 'Se connecter à {brand}',
  'mail.sign_in_link.text':
    'Ouvrez ce lien dans le navigateur où vous l’avez demandé, et vous êtes connecté à {brand} :',
  'mail.sign_in_link.link': 'Se connecter',
  'mail.sign_in_code.subject': 'Votre code pour {brand}',
  'mail.sign_in_code.text':
    'Saisissez ce code dans le navigateur où vous l’avez demandé, et vous êtes connecté à {brand} :',
  'mail.account_exists.subject': 'Vous avez un compte chez {brand}',
  'mail.account_exists.text':
    'Quelqu’un, vous peut-être, a voulu ouvrir un compte chez {brand} avec cette adresse. Il y en a déjà un : connectez-vous, ou choisissez un nouveau mot de passe si vous avez oublié le vôtre.',
  'mail.account_exists.link': 'Se connecter',
  'mail.approval_request.subject': 'Une demande attend votre accord chez {brand}',
  'mail.approval_request.text':
    '« {client} » demande l’accord de votre compte {username} chez {brand}. Voyez de quoi il s’agit, puis autorisez ou refusez :',
  'mail.approval_request.says': 'Message : « {message} »',
  'mail.approval_request.link': 'Voir la demande',
  'mail.approval_request.until':
    'Vous pouvez décider jusqu’au {time}. Sans réponse de votre part, rien n’est autorisé.',
  'mail.approval_request.not_begun':
    'Si vous n’avez pas commencé ceci vous-même, refusez : quelqu’un d’autre essaie peut-être d’agir en votre nom.',
  'mail.password_changed.subject': 'Votre mot de passe pour {brand} a été changé',
  'mail.password_changed.text':
    'Le mot de passe de votre compte {username} a été changé, et toutes les sessions ont pris fin.',
  'mail.factor_added.subject': 'Un moyen de se connecter à {brand} a été ajouté',
  'mail.factor_added.text':
    '« {what} » a été ajouté à votre compte {username} : on peut s’en servir pour se connecter.',
  'mail.factor_removed.subject': 'Un moyen de se connecter à {brand} a été retiré',
  'mail.factor_removed.text':
    '« {what} » a été retiré de votre compte {username} : on ne peut plus s’en servir pour se connecter.',
  'mail.recovery_codes_renewed.subject': 'Vous avez de nouveaux codes de secours pour {brand}',
  'mail.recovery_codes_renewed.text':
    'De nouveaux codes de secours ont été créés pour votre compte {username}. Les anciens ne valent plus rien.',
  'mail.email_changed.subject': 'Votre adresse chez {brand} a été changée',
  'mail.email_changed.text':
    'Votre compte {username} appartient maintenant à l’adresse {what}. Plus aucun message n’arrive ici.',
  'mail.account_deleted.subject': 'Votre compte chez {brand} a été supprimé',
  'mail.account_deleted.text': 'Votre compte {username} et tout ce qui en faisait partie ont été supprimés.',
  'mail.sign_in_mails_stopped.subject': 'Beaucoup de messages de connexion à {brand} ont été demandés',
  'mail.sign_in_mails_stopped.text':
    'Quelqu’un demande sans cesse des messages pour se connecter à votre compte {username}. Pendant quelques minutes, nous n’en envoyons plus.',
  'mail.requests_stopped.subject': 'Beaucoup de demandes attendent votre accord chez {brand}',
  'mail.requests_stopped.text':
    '« {what} » demande sans cesse l’accord de votre compte {username}. Pendant quelques minutes, ses demandes sont refusées. N’acceptez que ce que vous avez commencé vous-même.',
  'mail.link_good_for': 'Le lien sert une seule fois, pendant {minutes} minutes.',
  'mail.link_good_for_days': 'Le lien sert une seule fois, pendant {days} jours.',
  'mail.not_asked_for': 'Si vous n’avez rien demandé, ne faites rien : rien ne change.',
  'mail.code_good_for': 'Le code sert une seule fois, pendant {minutes} minutes.',
  'mail.code_for_nobody':
    'Ne le donnez à personne : qui vous le demande n’est pas de chez nous. Si vous ne l’avez pas demandé, ne faites rien.',
  'mail.when': 'Quand : {time}.',
  'mail.from_address': 'Depuis l’adresse {address}.',
  'mail.look_after': 'Voir votre compte',
  'mail.not_you':
    'Si ce n’était pas vous, choisissez tout de suite un nouveau mot de passe et prévenez les responsables de ce service.',
  'inbox.title': 'Boîte de réception du mode développement',
  'inbox.none': 'Personne n’a encore rien reçu.',
  'inbox.code': 'Code :',
  'inbox.source': 'HTML du message',
}
