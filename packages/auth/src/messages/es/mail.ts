import type { Catalogue } from '../catalogue.ts'

export const mail: Catalogue = {
  'mail.sign_up.subject': 'Confirme su dirección para {brand}',
  'mail.sign_up.text':
    'Alguien, esperamos que usted, está abriendo una cuenta en {brand} con esta dirección. Confirme que es suya:',
  'mail.sign_up.link': 'Confirmar la dirección',
  'mail.invitation.subject': 'Invitación a {brand}',
  'mail.invitation.text': 'Le han invitado a abrir una cuenta en {brand}:',
  'mail.invitation.link': 'Aceptar la invitación',
  'mail.organisation_invitation.subject': 'Invitación a unirse a {organisation}',
  'mail.organisation_invitation.text':
    '{organisation} le invita a unirse en {brand}. Acepte con la cuenta que tiene esta dirección:',
  'mail.organisation_invitation.link': 'Ver la invitación',
  'mail.change_email.subject': 'Confirme su nueva dirección para {brand}',
  'mail.change_email.text':
    'A partir de ahora esta dirección debe pertenecer a una cuenta de {brand}. Confirme que es suya:',
  'mail.change_email.link': 'Confirmar la dirección',
  'mail.recovery.subject': 'Una contraseña nueva para {brand}',
  'mail.recovery.text':
    'Alguien, esperamos que usted, ha olvidado la contraseña de su cuenta de {brand}. Elija aquí una nueva:',
  'mail.recovery.link': 'Elegir una contraseña nueva',
  'mail.sign_in_link.subject': 'Iniciar sesión en {brand}',
  'mail.sign_in_link.text': 'Abra este enlace en el navegador en el que lo pidió y habrá iniciado sesión en {brand}:',
  'mail.sign_in_link.link': 'Iniciar sesión',
  'mail.sign_in_code.subject': 'Su código para {brand}',
  'mail.sign_in_code.text':
    'Escriba este código en el navegador en el que lo pidió y habrá iniciado sesión en {brand}:',
  'mail.account_exists.subject': 'Tiene una cuenta en {brand}',
  'mail.account_exists.text':
    'Alguien, quizá usted, ha intentado abrir una cuenta en {brand} con esta dirección. Ya existe una: inicie sesión o elija una contraseña nueva si ha olvidado la suya.',
  'mail.account_exists.link': 'Iniciar sesión',
  'mail.approval_request.subject': 'Una solicitud en {brand} espera su aprobación',
  'mail.approval_request.text':
    '«{client}» pide la aprobación de su cuenta {username} en {brand}. Vea qué pide y permítalo o deniéguelo:',
  'mail.approval_request.says': 'Mensaje: «{message}»',
  'mail.approval_request.link': 'Ver la solicitud',
  'mail.approval_request.until': 'Puede decidir hasta {time}. Sin su respuesta no se permite nada.',
  'mail.approval_request.not_begun':
    'Si no ha empezado esto usted mismo, deniéguelo: quizá otra persona intenta actuar en su nombre.',
  'mail.password_changed.subject': 'Se ha cambiado su contraseña de {brand}',
  'mail.password_changed.text':
    'Se ha cambiado la contraseña de su cuenta {username} y se han cerrado todas las sesiones.',
  'mail.factor_added.subject': 'Se ha añadido una forma de iniciar sesión en {brand}',
  'mail.factor_added.text': '«{what}» se ha añadido a su cuenta {username}: sirve para iniciar sesión.',
  'mail.factor_removed.subject': 'Se ha quitado una forma de iniciar sesión en {brand}',
  'mail.factor_removed.text': '«{what}» se ha quitado de su cuenta {username}: ya no sirve para iniciar sesión.',
  'mail.recovery_codes_renewed.subject': 'Tiene nuevos códigos de recuperación de {brand}',
  'mail.recovery_codes_renewed.text':
    'Se han creado nuevos códigos de recuperación para su cuenta {username}. Los anteriores ya no sirven.',
  'mail.email_changed.subject': 'Se ha cambiado su dirección en {brand}',
  'mail.email_changed.text': 'Su cuenta {username} pertenece ahora a la dirección {what}. Aquí ya no llegan mensajes.',
  'mail.account_deleted.subject': 'Se ha eliminado su cuenta de {brand}',
  'mail.account_deleted.text': 'Su cuenta {username} y todo lo que le pertenecía se han eliminado.',
  'mail.sign_in_mails_stopped.subject': 'Se han pedido muchos mensajes para iniciar sesión en {brand}',
  'mail.sign_in_mails_stopped.text':
    'Alguien pide una y otra vez mensajes para iniciar sesión en su cuenta {username}. Durante unos minutos no enviaremos más.',
  'mail.requests_stopped.subject': 'Muchas solicitudes en {brand} esperan su aprobación',
  'mail.requests_stopped.text':
    '«{what}» pide una y otra vez la aprobación de su cuenta {username}. Durante unos minutos no se le atiende. Apruebe solo lo que usted haya iniciado.',
  'mail.link_good_for': 'El enlace sirve una sola vez, durante {minutes} minutos.',
  'mail.link_good_for_days': 'El enlace sirve una sola vez, durante {days} días.',
  'mail.not_asked_for': 'Si no lo ha pedido, no haga nada: nada cambia.',
  'mail.code_good_for': 'El código sirve una sola vez, durante {minutes} minutos.',
  'mail.code_for_nobody':
    'No se lo dé a nadie: quien se lo pida no es de los nuestros. Si no lo ha pedido, no haga nada.',
  'mail.when': 'Cuándo: {time}.',
  'mail.from_address': 'Desde la dirección {address}.',
  'mail.look_after': 'Ver su cuenta',
  'mail.not_you':
    'Si no ha sido usted, elija enseguida una contraseña nueva y avise a los responsables de este servicio.',
  'inbox.title': 'Bandeja de entrada del modo de desarrollo',
  'inbox.none': 'Todavía no se ha enviado nada a nadie.',
  'inbox.code': 'Código:',
  'inbox.source': 'HTML del mensaje',
}
