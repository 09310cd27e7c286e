/* XML under a schema: base/xml.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/xml.h"

static char folder[] = "/tmp/test_xml.XXXXXX";
static char schema_path[64];

static const char schema[] =
    "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'"
    " targetNamespace='urn:t' xmlns='urn:t' elementFormDefault='qualified'>"
    "<xs:element name='list'><xs:complexType><xs:sequence>"
    "<xs:element name='item' maxOccurs='3'><xs:complexType><xs:simpleContent>"
    "<xs:extension base='xs:string'>"
    "<xs:attribute name='n' type='xs:integer' use='required'/>"
    "</xs:extension></xs:simpleContent></xs:complexType></xs:element>"
    "</xs:sequence></xs:complexType></xs:element></xs:schema>";

static int
make_folder(void **state)
{
    struct error err = {0};

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(schema_path, sizeof schema_path, "%s/t.xsd", folder);
    return text_file_write(schema_path, schema, sizeof schema - 1, 0600, &err)
               ? 0
               : -1;
}

static int
remove_folder(void **state)
{
    (void)state;
    (void)unlink(schema_path);
    return rmdir(folder);
}

static void
elements_attributes_and_text_are_read(void **state)
{
    static const char text[] =
        "<?xml version='1.0' encoding='UTF-8'?>\n<list xmlns='urn:t'>\n"
        "<!-- between --><item n='1'>\n  one &amp; 一 \n</item>\n"
        "<item n='&#50;'/></list>";
    struct xml *xml = NULL;
    const struct xml_node *root, *item;
    struct error err = {0};

    (void)state;
    assert_true(xml_parse((const uint8_t *)text, sizeof text - 1, "t",
                          schema_path, &xml, &err));
    root = xml_root(xml);
    assert_string_equal(xml_name(root), "list");
    item = xml_child(root, "item");
    assert_string_equal(xml_text(item), "one & 一");
    assert_string_equal(xml_attribute(item, "n", "none"), "1");
    assert_string_equal(xml_attribute(item, "other", "none"), "none");
    assert_int_equal(xml_line(item), 3);
    item = xml_next(item, NULL);
    assert_string_equal(xml_attribute(item, "n", "none"), "2");
    assert_string_equal(xml_text(item), "");
    assert_null(xml_next(item, "item"));
    assert_null(xml_child(root, "nothing"));
    assert_null(xml_child(item, NULL));
    xml_free(xml);
}

static void
refused(const char *text, size_t len, const char *reason)
{
    struct xml *xml = NULL;
    struct error err = {0};

    assert_false(xml_parse((const uint8_t *)text, len, "file.xml", schema_path,
                           &xml, &err));
    assert_null(xml);
    assert_int_equal(err.code, ERROR_INPUT);
    if (strstr(err.what, reason) == NULL)
        fail_msg("\"%s\" does not tell \"%s\"", err.what, reason);
}

static void
a_wrong_document_is_refused_with_file_and_line(void **state)
{
    static const struct {
        const char *text, *reason;
    } wrong[] = {
        {"", "file.xml"},
        {"<list xmlns='urn:t'>\n<item n='1'>\n</list>", "file.xml, line 3"},
        {"<list xmlns='urn:t'><item n='1'/></list> more", "line 1"},
        {"<list xmlns='urn:t'>\n\n<item n='x'/></list>", "line 3"},
        {"<list xmlns='urn:t'><item n='1'/>\n<other/></list>", "line 2"},
        {"<list xmlns='urn:t'><item/></list>", "required"},
        {"<list xmlns='urn:u'><item n='1'/></list>", "line 1"},
        {"<list xmlns='urn:t'/>", "Missing child"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refused(wrong[i].text, strlen(wrong[i].text), wrong[i].reason);
}

static void
a_dtd_is_refused_whatever_it_declares(void **state)
{
    static const char *const wrong[] = {
        "<!DOCTYPE list>\n<list xmlns='urn:t'><item n='1'/></list>",
        "<?xml version='1.0'?>\n<!DOCTYPE list [<!ENTITY a 'aaaa'>"
        "<!ENTITY b '&a;&a;&a;'>]>"
        "<list xmlns='urn:t'><item n='1'>&b;</item></list>",
        "<!DOCTYPE list [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
        "<list xmlns='urn:t'><item n='1'>&x;</item></list>",
        "<!DOCTYPE list SYSTEM 'http://127.0.0.1:1/x.dtd'>"
        "<list xmlns='urn:t'><item n='1'/></list>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refused(wrong[i], strlen(wrong[i]), "a DTD is not allowed");
}

static void
other_encodings_do_not_hide_anything(void **state)
{
    static const char utf16[] = "\xff\xfe<\0l\0i\0s\0t\0/\0>\0";
    static const char latin1[] = "<?xml version='1.0' encoding='ISO-8859-1'?>"
                                 "<list xmlns='urn:t'><item n='1'>\xe9"
                                 "</item></list>";
    static const char zero[] = "<list xmlns='urn:t'><item n='1'>\0"
                               "</item></list>";

    (void)state;
    refused(utf16, sizeof utf16 - 1, "not UTF-8");
    refused(latin1, sizeof latin1 - 1, "not UTF-8");
    refused(zero, sizeof zero - 1, "not UTF-8");
    refused("<list xmlns='urn:t'><item n='1'>&undeclared;</item></list>", 58,
            "file.xml");
}

static void
long_and_deep_documents_are_refused(void **state)
{
    static char spaces[XML_MAX_LEN + 1];
    struct buf text = BUF_INIT(XML_MAX_LEN);

    (void)state;
    while (buf_add_text(&text, "<list>"))
        continue;
    refused(buf_text(&text), text.len, "file.xml");
    memset(spaces, ' ', sizeof spaces);
    refused(spaces, sizeof spaces, "too long");
    buf_clear(&text);
}

static void
a_schema_that_is_missing_is_our_fault(void **state)
{
    static const char text[] = "<list xmlns='urn:t'><item n='1'/></list>";
    struct xml *xml = NULL;
    struct error err = {0};

    (void)state;
    assert_false(xml_parse((const uint8_t *)text, sizeof text - 1, "t",
                           "/nonexistent/t.xsd", &xml, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    memset(&err, 0, sizeof err);
    assert_false(xml_load("/nonexistent/t.xml", schema_path, &xml, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_attributes_and_text_are_read),
        cmocka_unit_test(a_wrong_document_is_refused_with_file_and_line),
        cmocka_unit_test(a_dtd_is_refused_whatever_it_declares),
        cmocka_unit_test(other_encodings_do_not_hide_anything),
        cmocka_unit_test(long_and_deep_documents_are_refused),
        cmocka_unit_test(a_schema_that_is_missing_is_our_fault),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
