import java.io.FileInputStream;
import java.security.cert.*;
import java.util.*;

/**
 * A relying application on the JDK's PKIX validation.
 *
 * <p>Relying ocsp|crl ROOT.pem LEAF.pem ISSUER.pem prints one word: valid, revoked REASON, or the
 * reason why the path was refused. Nothing but the JDK is asked.
 */
final class Relying {
    private static X509Certificate read(CertificateFactory factory, String file) throws Exception {
        try (FileInputStream in = new FileInputStream(file)) {
            return (X509Certificate) factory.generateCertificate(in);
        }
    }

    public static void main(String[] args) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        X509Certificate root = read(factory, args[1]);
        CertPath path =
                factory.generateCertPath(
                        List.of(read(factory, args[2]), read(factory, args[3])));
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
        Set<PKIXRevocationChecker.Option> options =
                EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK);
        if (args[0].equals("crl")) {
            options.add(PKIXRevocationChecker.Option.PREFER_CRLS);
        } else {
            // The issuing CA's own status is in the root's CRL: the root is offline.
            options.add(PKIXRevocationChecker.Option.ONLY_END_ENTITY);
        }
        checker.setOptions(options);
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        parameters.addCertPathChecker(checker);
        try {
            validator.validate(path, parameters);
            System.out.println("valid");
        } catch (CertPathValidatorException e) {
            if (e.getCause() instanceof CertificateRevokedException revoked) {
                System.out.println("revoked " + revoked.getRevocationReason());
            } else {
                System.out.println(e.getReason() + ": " + e.getMessage());
                System.exit(1);
            }
        }
    }
}
