/* The words on forms, after the guide for applicants (S1 to S7). */
#include <string.h>

#include "ra/form_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOTE_BLACK_INK                                                                                         \
    {                                                                                                          \
        {                                                                                                      \
            "请核对打印内容；经办人须手写签名，填写完整的申请日期，并在“盖章" \
            "处”加盖单位实体公章。",                                                                           \
                "Check what is printed. The handler signs by hand and fills "                                  \
                "in the date; the organisation's seal is stamped where it "                                    \
                "says so."                                                                                     \
        }                                                                                                      \
    }
#define NOTE_NO_PICTURES                                                       \
    {                                                                          \
        {                                                                      \
            "电子签章、图片签名、盖章后扫描再打印的文件，皆无效。",            \
                "Electronic seals, pictures of signatures, and prints of a "   \
                "scanned seal are not valid."                                  \
        }                                                                      \
    }
#define NOTE_SCAN                                                                                           \
    {                                                                                                       \
        {                                                                                                   \
            "彩色扫描本表全部页面，清晰完整，存为一份文件上传；一份资料一个" \
            "文件。",                                                                                       \
                "Scan all pages of this form in colour, clear and whole, "                                  \
                "into one file and upload it; each document is a file of its "                              \
                "own."                                                                                      \
        }                                                                                                   \
    }
#define NOTE_REVISION                                                                                       \
    {                                                                                                       \
        {                                                                                                   \
            "只有系统为本业务最新版本生成的申请表有效；修改资料后请重新下载" \
            "。",                                                                                           \
                "Only the form of the newest revision counts: download it "                                 \
                "again after a change."                                                                     \
        }                                                                                                   \
    }

static const struct definition_text certificate_notes[] = {
    NOTE_BLACK_INK,
    NOTE_SCAN,
    NOTE_NO_PICTURES,
    NOTE_REVISION,
    {{"单位法定住所须与提交的单位证件完全一致。",
      "The legal domicile is exactly that of the licence."}},
    {{"证书一经激活，不予退费；证书密码由单位设置并妥善保管。",
      "Nothing is refunded once the certificate is activated. The organisation "
      "sets its PIN and keeps it safe."}},
};

static const struct definition_text seal_notes[] = {
    {{"暂仅支持公章或合同专用章；每一组方框只采集一种印章，采集两次，"
      "印模须清晰完整、不重叠、不超出虚线框。",
      "Official or contract seals only. Each pair of boxes takes one seal, "
      "stamped twice: clear, whole, not overlapping, inside the dashed line."}},
    NOTE_BLACK_INK,
    NOTE_SCAN,
    NOTE_NO_PICTURES,
    NOTE_REVISION,
};

static const struct definition_text unlock_notes[] = {
    NOTE_BLACK_INK,
    NOTE_SCAN,
    NOTE_NO_PICTURES,
    NOTE_REVISION,
    {{"审核通过后，验证码发送至本表所列经办人手机。",
      "After the review a one-time password goes to the handler's mobile "
      "number on this form."}},
};

static const struct definition_text revocation_notes[] = {
    NOTE_BLACK_INK,
    NOTE_SCAN,
    NOTE_NO_PICTURES,
    NOTE_REVISION,
    {{"初审通过后证书即被挂起，复审通过后注销；注销不可恢复。",
      "The certificate is put on hold after the first review and revoked after "
      "the second. A revocation is final."}},
    {{"请先解密曾经加密的文件。", "Decrypt what you encrypted before."}},
};

static const struct definition_text recovery_notes[] = {
    NOTE_BLACK_INK,
    NOTE_SCAN,
    NOTE_NO_PICTURES,
    NOTE_REVISION,
    {{"密钥只恢复到本表所列的介质中，不以任何其他形式交付；恢复须经密钥管理中心"
      "多人审批。",
      "Keys are recovered into the device named on this form and handed over "
      "in no other way. Several people at the key management centre have to "
      "agree."}},
};

#define HANDLER_SIGNS                                                          \
    {                                                                          \
        {                                                                      \
            "经办人签署（手写签名）", "Handler's signature, by hand"           \
        }                                                                      \
    }
#define UNIT_STAMPS                                                            \
    {                                                                          \
        {                                                                      \
            "申请单位盖章处（单位实体公章）",                                  \
                "Official seal of the organisation"                            \
        }                                                                      \
    }

static const struct form_words words[] = {
    {
        .kind = "certificate",
        .title = {{"机构数字证书申请表",
                   "Application for an Organisation's Digital Certificate"}},
        .statement =
            {{"本单位声明：以上信息真实、准确、完整，与所提交的证件一致；授权"
              "上述经办人办理本业务；已阅读并同意供应商须知及电子认证服务协议"
              "，知悉加密密钥依法备份于密钥管理中心。",
              "The organisation declares that the above is true, exact and "
              "complete and agrees with the documents handed in; that the "
              "handler acts for it; that it has read and accepts the notice to "
              "suppliers and the service agreement, and knows that encryption "
              "keys are kept by the key management centre as the law "
              "demands."}},
        .signer = HANDLER_SIGNS,
        .seal = UNIT_STAMPS,
        .note = certificate_notes,
        .note_count = COUNT(certificate_notes),
    },
    {
        .kind = "seal",
        .title = {{"电子印章申请表", "Application for Electronic Seals"}},
        .statement =
            {{"本单位声明：以上印模由本单位依法刻制、备案的实体印章加盖，授权"
              "据此制作电子印章，与本单位数字证书一并使用。",
              "The organisation declares that these impressions are of its own "
              "lawfully made and registered seals, and authorises electronic "
              "seals made from them, to be used with its certificate."}},
        .signer = HANDLER_SIGNS,
        .seal = UNIT_STAMPS,
        .note = seal_notes,
        .note_count = COUNT(seal_notes),
    },
    {
        .kind = "unlock",
        .title = {{"证书解锁申请表",
                   "Application to Unlock a Digital Certificate"}},
        .statement =
            {{"本单位声明：证书存储介质由本单位持有，密码遗忘或已被锁定，授权"
              "上述经办人办理解锁；今后以该经办人为本证书的经办人。",
              "The organisation declares that it holds the device, whose PIN "
              "is forgotten or locked, and that the handler acts for it, now "
              "and from now on."}},
        .signer = HANDLER_SIGNS,
        .seal = UNIT_STAMPS,
        .note = unlock_notes,
        .note_count = COUNT(unlock_notes),
    },
    {
        .kind = "revocation",
        .title =
            {{"机构数字证书注销申请表",
              "Application to Revoke an Organisation's Digital Certificate"}},
        .statement =
            {{"本单位申请注销上述数字证书，授权上述经办人办理；知悉注销后证书"
              "及其电子印章不能再使用，且不可恢复。",
              "The organisation asks for its certificate to be revoked, and "
              "the handler acts for it. It knows that certificate and seals "
              "cannot be used afterwards, and that this is final."}},
        .signer = HANDLER_SIGNS,
        .seal = UNIT_STAMPS,
        .note = revocation_notes,
        .note_count = COUNT(revocation_notes),
    },
    {
        .kind = "recovery",
        .title = {{"密钥恢复申请表", "Application to Recover Encryption Keys"}},
        .statement =
            {{"本单位声明：上述介质由本单位持有；为解密本单位曾经加密的文件，"
              "申请将密钥管理中心依法备份的本单位历次加密密钥恢复到该介质，授权"
              "上述经办人办理，并对恢复后的使用负责。",
              "The organisation declares that it holds the device. To decrypt "
              "files of its own it asks for its earlier encryption keys, which "
              "the key management centre keeps as the law demands, to be "
              "recovered into that device. The handler acts for it, and it "
              "answers for their use."}},
        .signer = HANDLER_SIGNS,
        .seal = UNIT_STAMPS,
        .note = recovery_notes,
        .note_count = COUNT(recovery_notes),
    },
};

const struct form_words *
form_words_find(const char *kind)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(words[i].kind, kind) == 0)
            return &words[i];
    }
    return NULL;
}
