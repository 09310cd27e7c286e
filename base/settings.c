/*
 * Every setting there is: key, type, range, default, help. signet.conf is read
 * against this table, and config/signet.conf and the manual page are made from
 * it. A length of a text or a path is in octets.
 */
#include "base/config.h"

enum {
    TEXT_MAX = 1024,
    MINUTE_S = 60,
    DAY_S = 86400,
    YEAR_S = 366 * DAY_S,
};

const struct config_setting config_settings[] = {
    {"log.level", CONFIG_CHOICE, 0, 0, "info|debug|warn|error",
     "Least level of the events that are logged."},
    {"schema_dir", CONFIG_PATH, 1, TEXT_MAX, "/usr/share/signet/schema",
     "Folder of the XML schemas."},

    {"db.owner", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "libpq connection string of the schemas' owner, for migrations only."},
    {"db.ca", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "libpq connection string of signet-ca and of ceremonies."},
    {"db.ra", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "libpq connection string of signet-ra."},
    {"db.ocsp", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "libpq connection string of signet-ocsp; a read-only replica will do."},
    {"db.kmc", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "libpq connection string of signet-kmc and of signet kmc init."},
    {"db.audit", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "libpq connection string of the auditor's exports."},
    {"db.migrations_dir", CONFIG_PATH, 1, TEXT_MAX,
     "/usr/share/signet/migrations", "Folder of the numbered SQL files."},

    {"hsm.module", CONFIG_PATH, 1, TEXT_MAX, "/usr/lib/softhsm/libsofthsm2.so",
     "The PKCS #11 module."},
    {"hsm.lock_dir", CONFIG_PATH, 1, TEXT_MAX, "/run/lock/signet",
     "Folder of the lock files that keep logins to one token apart; all "
     "programs that use the token need the same."},
    {"hsm.signer_path", CONFIG_PATH, 1, TEXT_MAX,
     "/usr/libexec/signet/signet-signer", "The program of signer processes."},
    {"hsm.session_copy", CONFIG_BOOL, 0, 0, "yes",
     "Whether signers work on a session copy of the key where the token "
     "allows one, which is faster."},
    {"hsm.ca.token", CONFIG_TEXT, 1, 32, "signet-ca",
     "Label of the token with the keys of issuing CAs and of the log."},
    {"hsm.ca.pin_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File that holds that token's user PIN."},
    {"hsm.ca.signers", CONFIG_INT, 1, 64, "2",
     "Number of signer processes of signet-ca."},
    {"hsm.ocsp.token", CONFIG_TEXT, 1, 32, "signet-ocsp",
     "Label of the token with the keys of the OCSP signers."},
    {"hsm.ocsp.pin_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File that holds that token's user PIN."},
    {"hsm.ocsp.signers", CONFIG_INT, 1, 64, "2",
     "Number of signer processes of signet-ocsp."},
    {"hsm.ra.token", CONFIG_TEXT, 1, 32, "signet-ra",
     "Label of the token with the key that wraps signet-ra's data keys."},
    {"hsm.ra.pin_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File that holds that token's user PIN."},
    {"hsm.root.token", CONFIG_TEXT, 1, 32, "signet-root",
     "Label of the token with the root's key, present in ceremonies only."},
    {"hsm.root.pin_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File that holds that token's user PIN."},

    {"hsm.kgen.token", CONFIG_TEXT, 1, 32, "signet-kgen",
     "Label of the token that makes escrowed keys and has the KMC's record "
     "key."},
    {"hsm.kgen.pin_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File that holds that token's user PIN."},
    {"hsm.krec.token", CONFIG_TEXT, 1, 32, "signet-krec",
     "Label of the token with the recovery keys; its PIN is in no file."},

    {"tls.trust_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the roots that our services and their clients trust."},

    {"ca.listen", CONFIG_TEXT, 1, 128, NULL,
     "Address and port of signet-ca, such as 127.0.0.1:8443 or [::1]:8443."},
    {"ca.certificate_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the TLS certificate of signet-ca and its chain."},
    {"ca.key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the key of that certificate."},
    {"ca.workers", CONFIG_INT, 1, 256, "16",
     "Number of requests that signet-ca works on at once; each has a database "
     "connection."},
    {"ca.queue", CONFIG_INT, 1, 65536, "256",
     "Number of requests that may wait for a worker; one more is answered "
     "503."},
    {"ca.profiles_dir", CONFIG_PATH, 1, TEXT_MAX, "/usr/share/signet/profiles",
     "Folder of the certificate profiles."},
    {"ca.crl_interval_s", CONFIG_INT, MINUTE_S, 31 * DAY_S, "3600",
     "Seconds between two CRLs of an issuing CA."},
    {"ca.crl_validity_s", CONFIG_INT, MINUTE_S, 31 * DAY_S, "604800",
     "Seconds from thisUpdate to nextUpdate of an issuing CA's CRL; the time "
     "there is to repair a CA that stands still."},
    {"ca.crl_change_s", CONFIG_INT, 1, DAY_S, "60",
     "Age in seconds at which a CRL is replaced early because the status of a "
     "certificate has changed."},
    {"ca.root_crl_validity_s", CONFIG_INT, DAY_S, YEAR_S, "15552000",
     "Seconds from thisUpdate to nextUpdate of a root's CRL, made in a "
     "ceremony."},
    {"ca.ocsp_signer_validity_s", CONFIG_INT, 5 * MINUTE_S, 90 * DAY_S,
     "604800",
     "Seconds that an OCSP signer's certificate is valid; it cannot be "
     "revoked, so keep it short."},
    {"ca.ocsp_signer_renew_s", CONFIG_INT, MINUTE_S, 90 * DAY_S, "302400",
     "Age in seconds at which an OCSP signer gets its next certificate."},
    {"ca.activation_max_days", CONFIG_INT, 1, 400, "240",
     "Days from an order to the end of its activation, at most."},
    {"ca.passkey_origins", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "Origins whose passkeys may be enrolled for officers, like "
     "https://console.example.cn, with spaces between; without it none."},
    {"ca.kmc_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL at which signet-ca reaches signet-kmc; without it this CA makes no "
     "pairs of certificates."},
    {"ca.client_certificate_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the certificate by which signet-kmc knows signet-ca."},
    {"ca.client_key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the key of that certificate."},
    {"ca.clock_tolerance_s", CONFIG_INT, 0, DAY_S, "300",
     "Seconds that a decision's time may lie ahead of this machine's clock."},

    {"kmc.listen", CONFIG_TEXT, 1, 128, NULL,
     "Address and port of signet-kmc, HTTPS with client certificates."},
    {"kmc.certificate_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the TLS certificate of signet-kmc and its chain."},
    {"kmc.key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the key of that certificate."},
    {"kmc.workers", CONFIG_INT, 1, 64, "4",
     "Number of requests that signet-kmc works on at once; each has a database "
     "connection."},
    {"kmc.recovery_path", CONFIG_PATH, 1, TEXT_MAX,
     "/usr/libexec/signet/signet-krec",
     "The program that holds the recovery token open for one approved case."},
    {"kmc.standby_types", CONFIG_TEXT, 0, 128, "rsa-2048 ec-p256",
     "Types of the key pairs that are made ahead, with spaces between."},
    {"kmc.standby_min", CONFIG_INT, 0, 64, "4",
     "Number of pairs of a type at which more are made ahead."},
    {"kmc.standby_max", CONFIG_INT, 0, 64, "8",
     "Number of pairs of a type that are made ahead."},
    {"kmc.case_s", CONFIG_INT, MINUTE_S, 31 * DAY_S, "1209600",
     "Seconds that a recovery case waits for its approvals, and then its "
     "answer to be taken: longer than a device is under way to its holder."},
    {"kmc.cms_delivery", CONFIG_BOOL, 0, 0, "no",
     "Whether a recovered key may leave as CMS for a certificate, for which it "
     "is in clear in the recovery process; the log marks each."},

    {"ocsp.listen", CONFIG_TEXT, 1, 128, NULL,
     "Address and port of signet-ocsp, plain HTTP."},
    {"ocsp.threads", CONFIG_INT, 1, 256, "2",
     "Number of threads that answer; one for each processor is right."},
    {"ocsp.connections", CONFIG_INT, 16, 1000000, "8192",
     "Number of connections that signet-ocsp holds at once; the one idle for "
     "longest makes room for a new one."},
    {"ocsp.queue", CONFIG_INT, 1, 65536, "1024",
     "Number of answers that may wait for a signature; one more is answered "
     "tryLater."},
    {"ocsp.cache_entries", CONFIG_INT, 8, 100000000, "65536",
     "Number of signed answers that each thread keeps, of about 1.5 KB."},
    {"ocsp.http_max_age_s", CONFIG_INT, 0, 31 * DAY_S, "300",
     "Seconds that HTTP caches between us and relying parties may keep an "
     "OCSP answer; a revocation reaches their clients that much later."},
    {"ocsp.answer_validity_s", CONFIG_INT, MINUTE_S, 31 * DAY_S, "86400",
     "Seconds from thisUpdate to nextUpdate of an OCSP answer."},
    {"ocsp.poll_ms", CONFIG_INT, 10, 1000, "200",
     "Milliseconds between two questions for changed certificates; a "
     "revocation is visible after that at the latest."},
    {"ocsp.extended_revoked", CONFIG_BOOL, 0, 0, "no",
     "Whether serials never issued are answered revoked, with the extended "
     "definition of RFC 6960, 2.2, instead of unknown."},

    {"ra.listen", CONFIG_TEXT, 1, 128, NULL,
     "Address and port of signet-ra, HTTPS."},
    {"ra.certificate_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the TLS certificate of signet-ra and its chain."},
    {"ra.key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the key of that certificate."},
    {"ra.ca_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL at which signet-ra reaches signet-ca."},
    {"ra.client_certificate_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the certificate by which signet-ca knows signet-ra."},
    {"ra.client_key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the key of that certificate."},
    {"ra.workers", CONFIG_INT, 1, 256, "8",
     "Number of requests that signet-ra works on at once; each has a database "
     "connection."},
    {"ra.queue", CONFIG_INT, 1, 65536, "256",
     "Number of requests that may wait for a worker; one more is answered "
     "503."},
    {"ra.body_max", CONFIG_INT, 1024, 64 * 1024 * 1024, "1048576",
     "Octets of the longest request body that signet-ra takes, but for "
     "uploads."},
    {"ra.upload_max", CONFIG_INT, 65536, 20 * 1024 * 1024, "20971520",
     "Octets of the longest document that applicants may upload."},
    {"ra.upload_timeout_s", CONFIG_INT, 10, 3600, "180",
     "Seconds in which an upload must have come whole."},
    {"ra.uploads", CONFIG_INT, 1, 1024, "32",
     "Number of uploads that may be on their way in at once; one more is "
     "answered 503."},
    {"ra.scan_path", CONFIG_PATH, 1, TEXT_MAX,
     "/usr/libexec/signet/signet-scan",
     "The program that examines uploads, without network and files."},
    {"ra.scan_max", CONFIG_INT, 1, 64, "3",
     "Number of uploads that are examined at once, each with up to 640 MB; as "
     "many wait 2 seconds for their turn, one more is answered 503."},
    {"ra.scan_timeout_s", CONFIG_INT, 1, 600, "60",
     "Seconds after which the examination of an upload is ended, and the "
     "upload refused."},
    {"ra.web_dir", CONFIG_PATH, 1, TEXT_MAX, "/usr/share/signet/web",
     "Folder of the pages of portal and console, read once at start."},
    {"ra.officer_idle_s", CONFIG_INT, MINUTE_S, DAY_S, "900",
     "Seconds without a request after which an officer is logged out."},
    {"ra.officer_session_s", CONFIG_INT, MINUTE_S, 7 * DAY_S, "36000",
     "Seconds after which an officer has to log in again, whatever happened."},
    {"ra.account_idle_s", CONFIG_INT, MINUTE_S, DAY_S, "1800",
     "Seconds without a request after which an account is logged out."},
    {"ra.account_session_s", CONFIG_INT, MINUTE_S, 7 * DAY_S, "28800",
     "Seconds after which an account has to log in again."},
    {"ra.invitation_s", CONFIG_INT, MINUTE_S, 30 * DAY_S, "259200",
     "Seconds that the invitation of an officer to make a passkey is good "
     "for."},
    {"ra.business_dir", CONFIG_PATH, 1, TEXT_MAX, "/usr/share/signet/business",
     "Folder of the definitions of the businesses."},
    {"ra.centre", CONFIG_TEXT, 1, 400, NULL,
     "Address, recipient and telephone of the service centre that originals "
     "are mailed to, as people are told and as it stands on forms."},
    {"ra.hotline", CONFIG_TEXT, 1, 100, NULL,
     "Telephone of customer service, as people are told."},
    {"ra.service_email", CONFIG_TEXT, 3, 254, NULL,
     "Address at which customer service is told of what waits for a person, "
     "such as a certificate that is left on hold; unset, nobody is."},

    {"ra.public_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL, without a slash at the end, under which people and outside services "
     "reach signet-ra."},
    {"ra.outside_trust_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the roots that payment provider, SMS gateway, mail server "
     "and host platform are trusted by; without it those of tls.trust_file."},
    {"ra.payment_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL of the payment provider's interface; without it only bank transfers "
     "are taken; plain http only to this machine."},
    {"ra.payment_key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the Ed25519 key that signs what is sent to the provider."},
    {"ra.payment_provider_key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the Ed25519 public key that the provider signs with."},
    {"ra.sms_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL of the SMS gateway's interface; without it messages wait."},
    {"ra.sms_key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File of the secret, 32 octets or more, shared with the SMS gateway."},
    {"ra.courier_key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File of the secret, 32 octets or more, shared with the courier; without "
     "it nothing is heard from one."},
    {"ra.smtp_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL of the mail server: smtps://HOST, or smtp://HOST with STARTTLS; "
     "without TLS only to this machine; unset, mails wait."},
    {"ra.smtp_from", CONFIG_TEXT, 3, 254, NULL,
     "Address that mails come from."},
    {"ra.smtp_user", CONFIG_TEXT, 1, 254, NULL,
     "Name to log in with at the mail server; without it nobody logs in."},
    {"ra.smtp_password_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File of the password to that name."},
    {"ra.platform_webhook_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL at which the host platform takes news of cases; without it they "
     "wait."},
    {"ra.platform_webhook_key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "File of the secret, 32 octets or more, that signs that news."},
    {"ra.invoice_seller_name", CONFIG_TEXT, 1, 200, "Signet",
     "Name of the seller on invoices."},
    {"ra.invoice_seller_tax_number", CONFIG_TEXT, 15, 20, "000000000000000",
     "Tax number of the seller on invoices."},
    {"ra.invoice_tax_percent", CONFIG_INT, 0, 30, "6",
     "Rate of the value added tax that is part of the prices, in percent."},
    {"ra.invoice_working_days", CONFIG_INT, 0, 30, "1",
     "Working days after completion at which the invoice is made."},

    {"publish.url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "HTTP URL, without a slash at the end, under which relying parties find "
     "OCSP, CRLs and CA certificates; it is written into certificates."},

    {"cli.ca_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL at which the command line reaches signet-ca."},
    {"cli.ra_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL at which the command line reaches signet-ra."},
    {"cli.kmc_url", CONFIG_TEXT, 1, TEXT_MAX, NULL,
     "URL at which the command line reaches signet-kmc."},
    {"cli.certificate_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the administrator's certificate."},
    {"cli.key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the administrator's key."},
    {"cli.auditor_certificate_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the auditor's certificate."},
    {"cli.auditor_key_file", CONFIG_PATH, 1, TEXT_MAX, NULL,
     "PEM file of the auditor's key."},
};

const size_t config_setting_count =
    sizeof config_settings / sizeof config_settings[0];
