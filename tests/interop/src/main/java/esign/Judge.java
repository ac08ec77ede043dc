package esign;

import com.google.gson.Gson;
import eu.europa.esig.dss.alert.SilentOnStatusAlert;
import eu.europa.esig.dss.diagnostic.DiagnosticData;
import eu.europa.esig.dss.diagnostic.SignatureWrapper;
import eu.europa.esig.dss.diagnostic.TimestampWrapper;
import eu.europa.esig.dss.jaxb.object.Message;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonCertificateSource;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import eu.europa.esig.dss.validation.reports.Reports;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.ValidationResult;

/**
 * What EU DSS and veraPDF say of PDFs: one JSON object a line.
 *
 * <pre>Judge [--trust DIR] [--at 2026-11-21T03:00:00Z] [--verapdf] FILE... | -</pre>
 *
 * DIR holds anchors ({@code anchor*.der}), other certificates ({@code issuer*.der}) and revocation lists
 * ({@code *.crl}); nothing is fetched. "-" reads the files' names from standard input.
 */
public final class Judge {
  private static final Gson GSON = new Gson();

  private Judge() {}

  public static void main(String[] arguments) throws IOException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    Path trust = null;
    Date at = null;
    boolean conformance = false;
    List<Path> files = new ArrayList<>();
    for (var rest = Arrays.asList(arguments).iterator(); rest.hasNext(); ) {
      String argument = rest.next();
      switch (argument) {
        case "--trust" -> trust = Path.of(rest.next());
        case "--at" -> at = Date.from(Instant.parse(rest.next()));
        case "--verapdf" -> conformance = true;
        case "-" -> new String(System.in.readAllBytes(), StandardCharsets.UTF_8).lines().map(Path::of).forEach(files::add);
        default -> files.add(Path.of(argument));
      }
    }
    VeraGreenfieldFoundryProvider.initialise();
    for (Path file : files) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("file", file.toString());
      long start = System.nanoTime();
      try {
        signatures(file, trust, at, row);
      } catch (Exception | StackOverflowError | OutOfMemoryError problem) {
        row.put("error", problem.getClass().getSimpleName() + ": " + problem.getMessage());
      }
      row.put("seconds", (System.nanoTime() - start) / 1e9);
      if (conformance) {
        row.put("verapdf", conformance(file));
      }
      out.println(GSON.toJson(row));
    }
  }

  private static void signatures(Path file, Path trust, Date at, Map<String, Object> row) throws IOException {
    SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(new FileDocument(file.toFile()));
    validator.setCertificateVerifier(verifier(trust));
    if (at != null) {
      validator.setValidationTime(at);
    }
    Reports reports = validator.validateDocument();
    SimpleReport simple = reports.getSimpleReport();
    DiagnosticData data = reports.getDiagnosticData();
    List<Map<String, Object>> signatures = new ArrayList<>();
    for (String id : simple.getSignatureIdList()) {
      SignatureWrapper signature = data.getSignatureById(id);
      Map<String, Object> found = new LinkedHashMap<>();
      found.put("kind", "signature");
      found.put("field", signature.getSignatureFieldNames().toString());
      found.put("level", String.valueOf(simple.getSignatureFormat(id)));
      found.put("indication", String.valueOf(simple.getIndication(id)));
      found.put("sub_indication", String.valueOf(simple.getSubIndication(id)));
      found.put("intact", signature.isSignatureIntact());
      found.put("valid", signature.isSignatureValid());
      found.put("errors", texts(simple.getAdESValidationErrors(id)));
      found.put("warnings", texts(simple.getAdESValidationWarnings(id)));
      signatures.add(found);
    }
    for (TimestampWrapper stamp : data.getTimestampList()) {
      if (stamp.getType() != null && stamp.getType().isDocumentTimestamp()) {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("kind", "timestamp");
        found.put("indication", String.valueOf(simple.getIndication(stamp.getId())));
        found.put("sub_indication", String.valueOf(simple.getSubIndication(stamp.getId())));
        found.put("valid", stamp.isMessageImprintDataIntact() && stamp.isSignatureValid());
        signatures.add(found);
      }
    }
    row.put("signatures", signatures);
  }

  private static List<String> texts(List<Message> messages) {
    return messages.stream().map(Message::getValue).toList();
  }

  private static CommonCertificateVerifier verifier(Path trust) throws IOException {
    CommonCertificateVerifier verifier = new CommonCertificateVerifier(true);
    verifier.setAIASource(null);
    verifier.setAlertOnInvalidSignature(new SilentOnStatusAlert());
    if (trust != null) {
      CommonTrustedCertificateSource anchors = new CommonTrustedCertificateSource();
      CommonCertificateSource others = new CommonCertificateSource();
      List<InputStream> lists = new ArrayList<>();
      try (var entries = Files.list(trust)) {
        for (Path entry : entries.sorted().toList()) {
          String name = entry.getFileName().toString();
          byte[] bytes = Files.readAllBytes(entry);
          if (name.endsWith(".crl")) {
            lists.add(new ByteArrayInputStream(bytes));
          } else if (name.startsWith("anchor")) {
            anchors.addCertificate(DSSUtils.loadCertificate(bytes));
          } else if (name.startsWith("issuer")) {
            CertificateToken token = DSSUtils.loadCertificate(bytes);
            others.addCertificate(token);
          }
        }
      }
      verifier.setTrustedCertSources(anchors);
      verifier.setAdjunctCertSources(others);
      if (!lists.isEmpty()) {
        verifier.setCrlSource(new ExternalResourcesCRLSource(lists.toArray(new InputStream[0])));
      }
    }
    return verifier;
  }

  private static Map<String, Object> conformance(Path file) {
    Map<String, Object> said = new LinkedHashMap<>();
    try (PDFAParser parser = Foundries.defaultInstance().createParser(file.toFile())) {
      PDFAFlavour flavour = parser.getFlavour();
      said.put("flavour", flavour.toString());
      try (PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false)) {
        ValidationResult result = validator.validate(parser);
        said.put("compliant", result.isCompliant());
        said.put(
            "failed",
            result.getTestAssertions().stream()
                .map(a -> a.getRuleId().getClause() + "-" + a.getRuleId().getTestNumber() + " " + a.getMessage())
                .distinct()
                .limit(10)
                .toList());
      }
    } catch (Exception problem) {
      said.put("error", problem.getClass().getSimpleName() + ": " + problem.getMessage());
    }
    return said;
  }
}
