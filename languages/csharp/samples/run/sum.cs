public class X
{
    public static void Main()
    {
        int sum = 0;
        for (int i = 0; i < 1000; i++)
            sum += i;
        System.Console.WriteLine("Sum: " + sum);
    }
}
