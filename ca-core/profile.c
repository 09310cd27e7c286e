/* Profiles applied to what an order brings; see ca-core/profile.h. */
#include "ca-core/profile.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROFILES_MAX = 256 };

/* ---- A folder of profiles ---------------------------------------------- */

static int
compare_profiles(const void *a, const void *b)
{
    const struct profile *const *left = a;
    const struct profile *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

/* Takes the profile of one file; other files than *.xml are passed over. */
static bool
add_file(struct profile_set *set, const char *dir, const char *file,
         const char *schema_dir, struct error *err)
{
    size_t len = strlen(file);
    struct profile *profile;
    char path[PATH_MAX];

    if (len < 5 || strcmp(file + len - 4, ".xml") != 0 || file[0] == '.')
        return true;
    if (set->count == PROFILES_MAX)
        return error_set(err, ERROR_INPUT, "%s: more than %d profiles", dir,
                         PROFILES_MAX);
    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return error_set(err, ERROR_INPUT, "path too long: %s", dir);
    if (!profile_load(path, schema_dir, &profile, err))
        return false;
    set->at[set->count++] = profile;
    if (strncmp(file, profile->name, len - 4) != 0 ||
        profile->name[len - 4] != '\0')
        return error_set(err, ERROR_INPUT, "%s holds the profile \"%s\"", path,
                         profile->name);
    return true;
}

bool
profile_set_load(const char *dir, const char *schema_dir,
                 struct profile_set *out, struct error *err)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;
    bool ok = true;

    memset(out, 0, sizeof *out);
    if (folder == NULL)
        return error_errno(err, ERROR_NOT_FOUND, "cannot read %s", dir);
    out->at = base_alloc(PROFILES_MAX * sizeof(struct profile *));
    while (ok && (entry = readdir(folder)) != NULL)
        ok = add_file(out, dir, entry->d_name, schema_dir, err);
    (void)closedir(folder);
    if (ok && out->count == 0)
        ok = error_set(err, ERROR_NOT_FOUND, "no profiles in %s", dir);
    if (!ok) {
        profile_set_clear(out);
        return false;
    }
    qsort(out->at, out->count, sizeof(struct profile *), compare_profiles);
    return true;
}

void
profile_set_clear(struct profile_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        profile_free(set->at[i]);
    free(set->at);
    memset(set, 0, sizeof *set);
}

const struct profile *
profile_set_find(const struct profile_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->at[i]->name, name) == 0)
            return set->at[i];
    return NULL;
}

/* ---- Rules ------------------------------------------------------------- */

bool
profile_allows_issuer(const struct profile *profile, const char *name,
                      bool is_root)
{
    switch (profile->issuer) {
    case PROFILE_ISSUER_SELF:
        return false;
    case PROFILE_ISSUER_ROOT:
        if (!is_root)
            return false;
        break;
    case PROFILE_ISSUER_ISSUING:
        if (is_root)
            return false;
        break;
    case PROFILE_ISSUER_ANY:
        break;
    }
    return fnmatch(profile->issuer_pattern, name, 0) == 0;
}

enum profile_family
profile_family(enum hsm_key_type type)
{
    switch (type) {
    case HSM_KEY_EC_P256:
    case HSM_KEY_EC_P384:
        return PROFILE_EC;
    case HSM_KEY_ED25519:
        return PROFILE_EDWARDS;
    default:
        return PROFILE_RSA;
    }
}

static bool
apply_attribute(const struct profile *profile, enum api_attribute attribute,
                const char *ordered, const char **out, struct error *err)
{
    const struct profile_attribute *rule = &profile->subject[attribute];
    const char *name = api_attribute_name(attribute);

    *out = ordered;
    switch (rule->presence) {
    case PROFILE_FORBIDDEN:
        if (ordered != NULL)
            return error_set(err, ERROR_INPUT,
                             "profile %s has no subject attribute %s",
                             profile->name, name);
        return true;
    case PROFILE_FIXED:
        if (ordered != NULL && strcmp(ordered, rule->value) != 0)
            return error_set(err, ERROR_INPUT,
                             "profile %s fixes %s to another value",
                             profile->name, name);
        *out = rule->value;
        return true;
    case PROFILE_REQUIRED:
        if (ordered == NULL)
            return error_set(err, ERROR_INPUT, "profile %s requires %s",
                             profile->name, name);
        break;
    case PROFILE_OPTIONAL:
        break;
    }
    return ordered == NULL ||
           name_check_value(attribute, ordered, rule->max, err);
}

bool
profile_apply_subject(const struct profile *profile,
                      const struct api_subject *ordered,
                      struct api_subject *out, struct error *err)
{
    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++)
        if (!apply_attribute(profile, (enum api_attribute)i,
                             ordered->attribute[i], &out->attribute[i], err))
            return false;
    return true;
}

bool
profile_check_san(const struct profile *profile, const struct api_san *san,
                  size_t count, struct error *err)
{
    size_t of_type[SAN_TYPE_COUNT] = {0};

    for (size_t i = 0; i < count; i++) {
        if (!san_check(&san[i], err))
            return false;
        of_type[san[i].type]++;
        for (size_t k = 0; k < i; k++)
            if (san[k].type == san[i].type &&
                strcmp(san[k].value, san[i].value) == 0)
                return error_set(err, ERROR_INPUT,
                                 "alternative name \"%s\" is there twice",
                                 san[i].value);
    }
    for (unsigned i = 0; i < SAN_TYPE_COUNT; i++) {
        const char *name = san_type_name((enum api_san_type)i);

        if (of_type[i] > profile->san[i].max) /* 0 for what is not listed */
            return error_set(err, ERROR_INPUT,
                             "profile %s allows %zu alternative names of type "
                             "%s",
                             profile->name, profile->san[i].max, name);
        if (of_type[i] == 0 && profile->san[i].presence == PROFILE_REQUIRED)
            return error_set(err, ERROR_INPUT,
                             "profile %s requires an alternative name of type "
                             "%s",
                             profile->name, name);
    }
    return true;
}

/* Letters and digits: codes of the old registers are not all USCC, so the check
 * character (GB 32100) is judged where the applicant types it. */
static bool
is_organization_code(const char *code)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(code);

    return len > 0 && len <= ORGANIZATION_CODE_MAX && strspn(code, set) == len;
}

bool
profile_check_organization_code(const struct profile *profile, const char *code,
                                struct error *err)
{
    enum profile_presence presence = profile->organization_code.presence;

    if (code == NULL && presence == PROFILE_REQUIRED)
        return error_set(err, ERROR_INPUT,
                         "profile %s requires an organization code",
                         profile->name);
    if (code != NULL && presence == PROFILE_FORBIDDEN)
        return error_set(err, ERROR_INPUT,
                         "profile %s has no organization code", profile->name);
    if (code != NULL && !is_organization_code(code))
        return error_set(err, ERROR_INPUT,
                         "not an organization code: capital letters and "
                         "digits");
    return true;
}

bool
profile_check_key(const struct profile *profile, enum hsm_key_type type,
                  struct error *err)
{
    if (!profile->is_key_allowed[type])
        return error_set(err, ERROR_INPUT,
                         "profile %s does not allow keys of type %s",
                         profile->name, hsm_key_type_name(type));
    return true;
}
