import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * Runs the statements of a file in a Flink of this process: {@code java -cp JARS SqlJob.java FILE [CONFIGURATION ...]}.
 * Statements end with a semicolon at the end of a line; SET is for the configuration, INSERTs are one statement set.
 */
public class SqlJob {
  public static void main(String[] args) throws Exception {
    Configuration configuration = new Configuration();
    for (int i = 1; i < args.length; i++) set(configuration, args[i]);
    var statements = Files.readString(Path.of(args[0])).replaceAll("(?m)^--.*$", "").split(";\\s*\\n(?!INSERT|END)");
    for (String statement : statements)
      if (statement.strip().startsWith("SET ")) set(configuration, statement.strip().substring(4).replace("'", "").replaceFirst(" = ", "="));
    var tables = StreamTableEnvironment.create(StreamExecutionEnvironment.getExecutionEnvironment(configuration));
    for (String raw : statements) {
      String statement = raw.strip();
      if (statement.isEmpty() || statement.startsWith("SET ")) continue;
      var result = tables.executeSql(statement);
      if (statement.startsWith("SELECT")) result.print();
      if (statement.startsWith("EXECUTE")) {
        System.out.println("JOB " + result.getJobClient().get().getJobID());
        result.await();
      }
    }
  }

  private static void set(Configuration configuration, String entry) {
    String[] parts = entry.split("=", 2);
    configuration.setString(parts[0].strip(), parts[1].strip());
  }
}
